"""Partner shops: taken in with their channels and a price, changed by versions, ended; never edited.

Every change is made under the programme's lock, so that two claims of one channel, and a claim and a closing,
follow each other.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.operations.api_keys import withdraw_keys_of
from backstage.policies import SHOP, By
from commerce.models import Channel
from commerce.models.channels import ChannelKind
from loyalty.locks import lock_programme
from loyalty.models import Partner, PartnerChannel, PartnerPrice, PartnerStatement, Programme
from loyalty.policies.calendar import local_date, start_of_day
from loyalty.policies.partners import month_of
from loyalty.queries.partners import has_run

OWNER_KIND = "partner"


class PartnerEnded(ValueError):
    """A partner that has ended takes no channel and no price any more."""

    def __init__(self, *, partner_id: int) -> None:
        self.partner_id = partner_id
        super().__init__(f"Partner {partner_id} has ended. Take it in again under another key.")


def open_partner(
    *,
    programme_id: int,
    key: str,
    name: str,
    starts_on: date,
    issued_minor: int,
    redeemed_minor: int,
    channel_ids: Sequence[int] = (),
    contact: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> Partner:
    """Take in a partner, with its first price and channels from the beginning of a local day on.

    That day may lie in the past as far as it fits the rest. Units: minor units for 1,000 points. Locks: the
    programme. Raises: ValidationError naming the fields; nothing is made then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_programme(programme_id)
        partner = Partner(programme=programme, key=key, name=name.strip(), contact=contact, created_at=at)
        partner.full_clean()
        partner.save(force_insert=True)
        starts_at = start_of_day(starts_on, programme.zone)
        _save_price(partner, 1, issued_minor, redeemed_minor, starts_at)
        for channel_id in channel_ids:
            _claim(programme, partner, channel_id, starts_at)
        after = {
            "name": partner.name,
            "starts_on": starts_on.isoformat(),
            "issued_minor": issued_minor,
            "redeemed_minor": redeemed_minor,
            "channels": list(channel_ids),
        }
        _record("partner_opened", partner, by=by, at=at, after=after)
    return partner


def add_partner_channel(
    *, partner_id: int, channel_id: int, starts_on: date, at: datetime | None = None, by: By = SHOP
) -> PartnerChannel:
    """Give a channel to a partner from the beginning of a local day on. Locks: the programme.

    Raises: ValidationError naming the field where somebody has it then, where that month is closed, or where
    it is no partner's channel; PartnerEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme, partner = _lock(partner_id)
        claim = _claim(programme, partner, channel_id, start_of_day(starts_on, programme.zone))
        after = {"channel": channel_id, "starts_on": starts_on.isoformat()}
        _record("partner_channel_added", partner, by=by, at=at, after=after)
    return claim


def end_partner_channel(
    *, claim_id: int, last_on: date, at: datetime | None = None, by: By = SHOP
) -> PartnerChannel:
    """Take a channel from its partner after a local day. Locks: the programme.

    What comes back there later is the programme's. Raises: ValidationError naming the field where that month
    is closed, or where it had ended before; PartnerEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        claim = PartnerChannel.objects.select_related("channel").get(id=claim_id)
        programme, partner = _lock(claim.partner_id)
        ends_at = start_of_day(last_on + timedelta(days=1), programme.zone)
        _check_open_month(partner, ends_at, "last_on", programme)
        ended = PartnerChannel.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=ends_at), id=claim_id, starts_at__lte=ends_at
        )
        if ended.update(ends_at=ends_at) != 1:
            raise ValidationError(
                {"last_on": _("It had begun later, or ended before that. Choose a day between.")}
            )
        claim.refresh_from_db()
        after = {"channel": claim.channel_id, "last_on": last_on.isoformat()}
        _record("partner_channel_ended", partner, by=by, at=at, after=after)
    return claim


def change_partner_price(
    *,
    partner_id: int,
    issued_minor: int,
    redeemed_minor: int,
    starts_on: date,
    at: datetime | None = None,
    by: By = SHOP,
) -> PartnerPrice:
    """Agree a new price from the beginning of a local day on, tomorrow at the earliest.

    What was agreed for that day and later, and has not begun, is called off. Units: minor units for 1,000
    points. Locks: the programme. Raises: ValidationError naming the fields, PartnerEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme, partner = _lock(partner_id)
        if starts_on <= local_date(at, programme.zone):
            raise ValidationError(
                {"starts_on": _("Points of today are settled as agreed. Choose tomorrow or a later day.")}
            )
        starts_at = start_of_day(starts_on, programme.zone)
        first_at = partner.prices.order_by("starts_at").values_list("starts_at", flat=True)[0]
        if starts_at < first_at:
            raise ValidationError({"starts_on": _("The partner begins later than that. Choose a later day.")})
        partner.prices.filter(starts_at__gte=starts_at).update(ends_at=F("starts_at"))
        before = partner.prices.filter(starts_at__lt=starts_at)
        before.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at)).update(ends_at=starts_at)
        number = partner.prices.aggregate(newest=Max("number"))["newest"] + 1
        price = _save_price(partner, number, issued_minor, redeemed_minor, starts_at)
        after = {
            "issued_minor": issued_minor,
            "redeemed_minor": redeemed_minor,
            "starts_on": starts_on.isoformat(),
        }
        _record("partner_price_agreed", partner, by=by, at=at, after=after)
    return price


def end_partner(*, partner_id: int, at: datetime | None = None, by: By = SHOP) -> Partner:
    """End a partner now: its channels and prices end, and its keys are withdrawn.

    Its open months are still settled. Locks: the programme. Raises: PartnerEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        _programme, partner = _lock(partner_id)
        for rows in (partner.channels, partner.prices):
            rows.filter(starts_at__gt=at).update(ends_at=F("starts_at"))
            rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at).update(ends_at=at)
        partner.ended_at = max(at, partner.created_at)
        partner.save(update_fields=["ended_at"])
        withdrawn = withdraw_keys_of(owner_kind=OWNER_KIND, owner_id=str(partner.id), at=at, by=by)
        _record("partner_ended", partner, by=by, at=at, after={"keys_withdrawn": withdrawn})
    return partner


# -- the parts -----------------------------------------------------------------------------------------------


def _lock(partner_id: int) -> tuple[Programme, Partner]:
    programme_id = Partner.objects.values_list("programme_id", flat=True).get(id=partner_id)
    programme = lock_programme(programme_id)
    partner = Partner.objects.get(id=partner_id)
    if partner.ended_at is not None:
        raise PartnerEnded(partner_id=partner_id)
    return programme, partner


def _claim(programme: Programme, partner: Partner, channel_id: int, starts_at: datetime) -> PartnerChannel:
    channel = Channel.objects.get(id=channel_id)
    if channel.kind != ChannelKind.PARTNER:
        problem = _("“%(name)s” is a channel of your own. Open a channel of the kind “Partner shop” for it.")
        raise ValidationError({"channel": problem % {"name": channel.name}})
    if channel.programmes and programme.key not in channel.programmes:
        problem = _("Purchases at “%(name)s” do not feed this programme. Change the channel first.")
        raise ValidationError({"channel": problem % {"name": channel.name}})
    _check_free(programme, channel, starts_at)
    _check_open_month(partner, starts_at, "starts_on", programme)
    return PartnerChannel.objects.create(
        programme=programme, partner=partner, channel=channel, starts_at=starts_at
    )


def _check_free(programme: Programme, channel: Channel, starts_at: datetime) -> None:
    """Refuse a channel that somebody has then or later; a new claim has no end, so later counts too."""
    claims = PartnerChannel.objects.filter(programme=programme, channel=channel)
    taken = claims.filter(has_run(), Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
    other = taken.select_related("partner").order_by("starts_at").last()
    if other is None:
        return
    gaps = {"channel": channel.name, "partner": other.partner.name}
    if other.ends_at is None:
        problem = _("“%(channel)s” belongs to %(partner)s. End that first.") % gaps
    else:
        day = _write(other.ends_at, programme)
        problem = _("“%(channel)s” belongs to %(partner)s until then. It is free from %(date)s on.") % {
            **gaps,
            "date": day,
        }
    raise ValidationError({"channel": problem})


def _check_open_month(partner: Partner, moment: datetime, field: str, programme: Programme) -> None:
    closed = PartnerStatement.objects.filter(partner=partner).aggregate(last=Max("month_on"))["last"]
    if closed is not None and moment < (end := month_of(closed, programme.zone).ends_at):
        day = _write(end, programme)
        raise ValidationError({field: _("That month is closed. Choose %(date)s or later.") % {"date": day}})


def _write(moment: datetime, programme: Programme) -> str:
    return date_format(local_date(moment, programme.zone), "DATE_FORMAT")


def _save_price(
    partner: Partner, number: int, issued_minor: int, redeemed_minor: int, starts_at: datetime
) -> PartnerPrice:
    price = PartnerPrice(
        partner=partner,
        number=number,
        issued_minor=issued_minor,
        redeemed_minor=redeemed_minor,
        starts_at=starts_at,
    )
    price.full_clean()
    price.save(force_insert=True)
    return price


def _record(kind: str, partner: Partner, *, by: By, at: datetime, after: Mapping[str, Any]) -> None:
    audit.record(kind=kind, object_kind="partner", object_id=partner.id, by=by, at=at, after=after)
