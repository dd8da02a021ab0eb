"""A new worth of points in words, for whoever has to approve it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backstage.queries import find_request
from loyalty.models import Programme
from loyalty.queries import figures
from loyalty.queries.changes.words import list_pairs
from loyalty.queries.overview import list_owed

APPROVAL_KIND = "change_settings"


def was_asked(*, key: str) -> bool:
    """Tell whether this key stands for a request already. Queries: 1."""
    return find_request(kind=APPROVAL_KIND, key=key) is not None


def describe_settings(payload: Mapping[str, Any]) -> str:
    """Say in one sentence what will happen. Queries: 0."""
    told = {"name": payload["name"]}
    return _("Change what points are worth in the club “%(name)s”") % told


def find_settings(payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give what somebody needs to decide: old and new, from when, and what members have. Queries: 4."""
    programme = Programme.objects.get(pk=payload["programme_id"])
    before = payload["before"]
    pairs = list_pairs(before, {**before, **payload["changes"]}, programme.currency)
    owed = next(row for row in list_owed(at=at) if row.programme.pk == programme.pk)
    return {
        "programme_id": programme.pk,
        "name": programme.name,
        "pairs": pairs,
        "starts_at": payload["starts_at"] and datetime.fromisoformat(payload["starts_at"]),
        "owed": figures.number(owed.points),
        "worth": figures.money(owed.worth_minor, programme.currency),
    }
