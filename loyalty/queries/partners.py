"""Questions about partner shops: who may be given a key, what each sells through and pays now."""

from datetime import datetime

from django.db.models import F, Q

from loyalty.models import Partner, PartnerChannel


def list_key_owners() -> list[tuple[str, str]]:
    """Give id and name of the partners that may be given a key. Queries: 1."""
    rows = Partner.objects.filter(ended_at__isnull=True).order_by("name").values_list("id", "name")
    return [(str(partner_id), name) for partner_id, name in rows]


def name_partner(owner_id: str) -> str:
    """Name one partner, also one that has ended. Queries: 1."""
    return Partner.objects.filter(id=owner_id).values_list("name", flat=True).first() or owner_id


def list_channel_ids(*, partner_id: int, at: datetime) -> list[int]:
    """Give the channels that a partner's key may speak for at a moment. Queries: 1."""
    claims = PartnerChannel.objects.filter(running_at(at), partner_id=partner_id)
    return list(claims.order_by("channel_id").values_list("channel_id", flat=True))


def running_at(at: datetime) -> Q:
    """Keep the rows whose period [starts_at, ends_at) holds at a moment."""
    return Q(starts_at__lte=at) & (Q(ends_at__isnull=True) | Q(ends_at__gt=at))


def has_run() -> Q:
    """Leave out what was called off before it began."""
    return Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at"))
