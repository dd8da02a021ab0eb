"""Open a channel, and change it."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from backstage.policies.names import nearest
from commerce.locks import lock_channel
from commerce.models import Channel
from commerce.models.channels import AsOfKind, ChannelKind
from commerce.policies.snapshot import CURRENCIES

LONGEST_NAME = 200


class ChannelError(ValueError):
    """A channel cannot be like this. `problems` says for every wrong field what to write instead."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(f"{field}: {message}" for field, message in problems.items()))


def open_channel(
    *,
    key: str,
    name: str,
    time_zone: str,
    currency: str,
    kind: str = ChannelKind.WEB,
    country: str = "",
    as_of_kind: str = AsOfKind.TIME,
    programmes: Sequence[str] = (),
    at: datetime | None = None,
    by: By = SHOP,
) -> Channel:
    """Open a channel that purchases can arrive through; without a name it is called by its key.

    Raises: ChannelError for a zone, currency, country, kind or key that does not exist or is taken.
    """
    told = {
        "key": key,
        "name": name or key,
        "kind": kind,
        "time_zone": time_zone,
        "currency": currency,
        "country": country,
        "as_of_kind": as_of_kind,
        "programmes": list(programmes),
    }
    _check(told)
    at = at or clock.now()
    try:
        with transaction.atomic():
            channel = Channel.objects.create(**told, created_at=at)
            _record("channel_opened", channel, by=by, at=at, after=told)
    except IntegrityError:
        taken = _("There is a channel %(key)s already. Choose another key.") % {"key": key}
        raise ChannelError({"key": taken}) from None
    return channel


def change_channel(
    *,
    channel_id: int,
    name: str | None = None,
    time_zone: str | None = None,
    currency: str | None = None,
    kind: str | None = None,
    country: str | None = None,
    programmes: Sequence[str] | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Channel:
    """Change what a channel leaves unsaid in its orders; what is None stays, and so do purchases as they are.

    Its key and how it tells `as_of` stay for good: what has arrived refers to them. Replay: what is so
    already leaves no trace in the log. Locks: the channel. Raises: ChannelError naming every wrong field;
    nothing is changed then.
    """
    told = {
        "name": name,
        "kind": kind,
        "time_zone": time_zone,
        "currency": currency,
        "country": country,
        "programmes": None if programmes is None else list(programmes),
    }
    changes = {field: value for field, value in told.items() if value is not None}
    _check(changes)
    at = at or clock.now()
    with transaction.atomic():
        channel = lock_channel(channel_id)
        before = {field: getattr(channel, field) for field in changes}
        differing = {field: value for field, value in changes.items() if value != before[field]}
        for field, value in differing.items():
            setattr(channel, field, value)
        if differing:
            channel.save(update_fields=list(differing))
            was = {field: before[field] for field in differing}
            _record("channel_changed", channel, by=by, at=at, before=was, after=differing)
    return channel


def find_channel_problems(told: Mapping[str, Any]) -> dict[str, str]:
    """Give for every field that cannot be so what to write instead. Queries: 0."""
    problems = {field: _find_problem(field, value) for field, value in told.items()}
    return {field: problem for field, problem in problems.items() if problem}


def _check(told: Mapping[str, Any]) -> None:
    if problems := find_channel_problems(told):
        raise ChannelError(problems)


def _find_problem(field: str, value: Any) -> str:
    """Say what is wrong with one field; nothing where nothing is."""
    if field == "programmes":
        is_list = isinstance(value, list | tuple) and all(isinstance(key, str) for key in value)
        return "" if is_list else _('Write a list of keys: ["club"], or [] for every programme.')
    if not isinstance(value, str):
        return _("Write a text.")
    match field:
        case "key" if not re.fullmatch(r"[-\w]{1,50}", value, re.ASCII):
            return _("“%(key)s” is no key. Write letters, digits, dashes and underscores, at most 50.") % {
                "key": value
            }
        case "name" if not 0 < len(value.strip()) <= len(value) <= LONGEST_NAME:
            return _("Write a name of at most %(longest)s characters.") % {"longest": LONGEST_NAME}
        case "currency" if value not in CURRENCIES:
            return _("There is no currency %(code)s. Write a code such as EUR.") % {"code": value}
        case "country" if value and not re.fullmatch(r"[A-Z]{2}", value):
            return _("Write two letters such as NO, or nothing.")
        case "time_zone" if value not in (known := available_timezones()):
            told = {"name": value, "example": nearest(value, known) or "Europe/Oslo"}
            return _("There is no time zone %(name)s. Write one such as %(example)s.") % told
        case "kind" if value not in ChannelKind.values:
            return _("Choose one of %(choices)s.") % {"choices": ", ".join(ChannelKind.values)}
        case "as_of_kind" if value not in AsOfKind.values:
            return _("Choose one of %(choices)s.") % {"choices": ", ".join(AsOfKind.values)}
    return ""


def _record(
    kind: str,
    channel: Channel,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
) -> None:
    audit.record(
        kind=kind, object_kind="channel", object_id=channel.pk, by=by, at=at, before=before, after=after
    )
