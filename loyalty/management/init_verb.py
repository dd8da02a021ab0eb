"""The verb `init`: a channel and the default programme, ready for the first import."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction

from backstage.management.verbs import day
from backstage.registry import Out, Verb
from commerce.models import Channel
from commerce.operations.channels import ChannelError, open_channel
from loyalty.models import Programme
from loyalty.operations.programme import create_programme
from loyalty.policies.programme import Enrolment, ProgrammeState

OK, FAILED = 0, 1


class StandsOtherwiseError(ValueError):
    """There is one with this key already, and it differs from what was asked for."""

    def __init__(self, *, what: str, key: str, differences: dict[str, tuple[Any, Any]]) -> None:
        listed = "; ".join(
            f"{name} is {stands!r}, you asked for {asked!r}" for name, (stands, asked) in differences.items()
        )
        super().__init__(
            f"There is a {what} {key!r} already, and it differs: {listed}. Nothing was changed. Change it in "
            f"the admin, or choose another --{what}."
        )
        self.differences = differences


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--currency", required=True, help="what the shop sells in, such as EUR")
    parser.add_argument("--time-zone", required=True, help="where its days begin, such as Europe/Oslo")
    parser.add_argument("--channel", default="web", help="the key of the channel; web by default")
    parser.add_argument("--programme", default="club", help="the key of the programme; club by default")
    parser.add_argument(
        "--live-from",
        type=day,
        help="the day from whose beginning purchases earn, also a past one; without it a draft is made",
    )
    parser.add_argument(
        "--enrolment",
        choices=[enrolment.value for enrolment in Enrolment],
        default=Enrolment.ON_REQUEST.value,
        help="who becomes a member: every identified customer, or those who ask",
    )


def _run(options: Mapping[str, Any], out: Out) -> int:
    try:
        with transaction.atomic():
            channel, is_new_channel = _get_or_open_channel(options)
            programme, is_new_programme = _get_or_create_programme(options)
    except (ChannelError, StandsOtherwiseError) as error:
        out.error(str(error))
        return FAILED
    except ValidationError as error:
        out.error("; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()))
        return FAILED
    out.line(f"Channel {channel.key}: {_word(is_new_channel)}, {channel.currency}, {channel.time_zone}.")
    out.line(
        f"Programme {programme.key}: {_word(is_new_programme)}, {programme.get_state_display()}, "
        f"members: {programme.get_enrolment_display()}."
    )
    if programme.state == ProgrammeState.DRAFT:
        out.line("A draft earns nothing yet. Switch the programme on in the admin when its rules are right.")
    out.json(
        {
            "channel": {"key": channel.key, "created": is_new_channel},
            "programme": {"key": programme.key, "created": is_new_programme, "state": programme.state},
        }
    )
    return OK


def _get_or_open_channel(options: Mapping[str, Any]) -> tuple[Channel, bool]:
    key = options["channel"]
    asked = {"currency": options["currency"], "time_zone": options["time_zone"]}
    channel = Channel.objects.filter(key=key).first()
    if channel is None:
        return open_channel(key=key, name=key, **asked), True
    _refuse_differences("channel", key, channel, asked)
    return channel, False


def _get_or_create_programme(options: Mapping[str, Any]) -> tuple[Programme, bool]:
    """Find or make the programme. An existing draft is not switched on: going live is announced to people."""
    key = options["programme"]
    asked = {
        "currency": options["currency"],
        "time_zone": options["time_zone"],
        "enrolment": options["enrolment"],
    }
    programme = Programme.objects.filter(key=key).first()
    if programme is not None:
        if options["live_from"] is not None:
            asked["state"] = ProgrammeState.LIVE.value
        _refuse_differences("programme", key, programme, asked)
        return programme, False
    live_from = options["live_from"] and begin_of(options["live_from"], options["time_zone"])
    created = create_programme(
        key=key,
        name=key.replace("-", " ").capitalize(),
        currency=options["currency"],
        time_zone=options["time_zone"],
        live_from=live_from,
        settings={"enrolment": options["enrolment"]},
    )
    return created, True


def begin_of(day_: date, time_zone: str) -> datetime:
    """Return the moment at which a local day begins."""
    return datetime.combine(day_, time(), ZoneInfo(time_zone)).astimezone(UTC)


def _refuse_differences(what: str, key: str, stands: Channel | Programme, asked: Mapping[str, Any]) -> None:
    differences = {
        name: (getattr(stands, name), value)
        for name, value in asked.items()
        if getattr(stands, name) != value
    }
    if differences:
        raise StandsOtherwiseError(what=what, key=key, differences=differences)


def _word(is_new: bool) -> str:
    return "new" if is_new else "stood already"


INIT = Verb(
    name="init",
    help="Open a channel and create the default programme. Given again, it changes nothing.",
    add_arguments=_add_arguments,
    run=_run,
)
