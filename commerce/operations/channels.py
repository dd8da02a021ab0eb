"""Open a channel."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.models import Channel
from commerce.models.channels import AsOfKind, ChannelKind
from commerce.policies.snapshot import CURRENCIES


class ChannelError(ValueError):
    """A channel cannot be opened like this; the message says what to write instead."""


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
    """Open a channel that purchases can arrive through.

    Raises: ChannelError for a zone, currency, country, kind or key that does not exist or is taken.
    """
    _check(key=key, time_zone=time_zone, currency=currency, kind=kind, country=country, as_of_kind=as_of_kind)
    at = at or clock.now()
    try:
        with transaction.atomic():
            channel = Channel.objects.create(
                key=key,
                name=name or key,
                kind=kind,
                time_zone=time_zone,
                currency=currency,
                country=country,
                as_of_kind=as_of_kind,
                programmes=list(programmes),
                created_at=at,
            )
            audit.record(kind="channel_opened", object_kind="channel", object_id=channel.pk, by=by, at=at)
    except IntegrityError:
        raise ChannelError(f"There is a channel {key!r} already; choose another key.") from None
    return channel


def _check(*, key: str, time_zone: str, currency: str, kind: str, country: str, as_of_kind: str) -> None:
    if not re.fullmatch(r"[-\w]{1,50}", key, re.ASCII):
        raise ChannelError(f"key is {key!r}; use letters, digits, dashes and underscores, at most 50.")
    if currency not in CURRENCIES:
        raise ChannelError(f'currency is {currency!r}; give an ISO 4217 code such as "EUR".')
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        raise ChannelError(
            f'country is {country!r}; give two capital letters such as "NO", or leave it empty.'
        )
    if kind not in ChannelKind.values:
        raise ChannelError(f"kind is {kind!r}; give one of {', '.join(ChannelKind.values)}.")
    if as_of_kind not in AsOfKind.values:
        raise ChannelError(f"as_of_kind is {as_of_kind!r}; give one of {', '.join(AsOfKind.values)}.")
    try:
        ZoneInfo(time_zone)
    # A directory of the zone database, such as "Europe", raises an OSError.
    except (ValueError, OSError, LookupError):
        raise ChannelError(f'time_zone is {time_zone!r}; give a name such as "Europe/Oslo".') from None
