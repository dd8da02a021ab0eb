"""Switching levels on and off: what it takes away is said first, with the day from which it may hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms

from backstage import clock
from loyalty.admin.programme_forms import holds_from_field
from loyalty.models import Programme
from loyalty.policies.calendar import local_date
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.tiers.scheme import Scheme
from loyalty.policies.tiers.versions import fields_of, switched_off
from loyalty.queries.changes.outlook import Outlook, look_ahead
from loyalty.queries.changes.words import Pair, list_pairs, say_lowers, say_moment
from loyalty.queries.tiers.schemes import find_running, get_scheme


class HoldsFromForm(forms.Form):
    """The day from which levels are on or off."""

    template_name = "encore/backstage/fields.html"

    holds_from = holds_from_field()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a change of the levels would mean: old and new, what it takes away, and the day for it."""

    outlook: Outlook
    pairs: list[Pair]
    lowers: str
    form: HoldsFromForm

    @property
    def is_announced(self) -> bool:
        """Whether members have to be told before."""
        return self.outlook.is_told and bool(self.outlook.lowers)


def look_at(
    programme: Programme, scheme: Scheme | None, *, wanted: datetime | None = None, at: datetime
) -> Outlook:
    """Say what it would mean if a version held, or none did. Queries: at most 3."""
    running = find_running(programme.pk, at=at)
    before = fields_of(get_scheme(running)) if running else None
    after = fields_of(scheme) if scheme else None
    either = before or after
    assert either is not None  # noqa: S101 (what is off cannot be switched off)
    return look_ahead(
        programme=programme,
        subject=Subject.LEVELS,
        before=before or switched_off(either),
        after=after or switched_off(either),
        wanted=wanted,
        at=at,
    )


def find_meaning(programme: Programme, scheme: Scheme | None, form: HoldsFromForm | None = None) -> Meaning:
    """Give what the page of a version says before it is switched on or off."""
    outlook = look_at(programme, scheme, at=clock.now())
    if form is None:
        told = outlook.starts_at and f"{local_date(outlook.starts_at, programme.zone):%Y-%m-%d}"
        form = HoldsFromForm(initial={"holds_from": told})
    return Meaning(
        outlook,
        list_pairs(outlook.before, outlook.after, programme.currency),
        say_lowers(outlook.lowers) if outlook.lowers else "",
        form,
    )


def explain_draft(programme: Programme, scheme: Scheme) -> dict[str, Any]:
    """Say under a form what a draft would take away from members, and from when on it could hold."""
    at = clock.now()
    outlook = look_at(programme, scheme, at=at)
    if not outlook.lowers or not outlook.is_told or outlook.starts_at is None:
        return {"lowers": ""}
    return {
        "lowers": say_lowers(outlook.lowers),
        "holds_from": say_moment(outlook.starts_at, programme, now=at),
    }
