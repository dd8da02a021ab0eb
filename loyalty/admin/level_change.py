"""Switching levels on and off: what it takes away is said first, with the day from which it may hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from backstage import clock
from loyalty.admin.programme_forms import holds_from_field
from loyalty.models import Programme, TierScheme
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort
from loyalty.policies.calendar import local_date, start_of_day
from loyalty.policies.changes.notice import first_whole_day
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.tiers.scheme import Scheme
from loyalty.policies.tiers.versions import fields_of, switched_off
from loyalty.queries import figures
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


def find_start(programme: Programme, form: HoldsFromForm, at: datetime) -> datetime | None:
    """Give the moment at which the day that was chosen begins; None is now, as is today."""
    day = form.cleaned_data["holds_from"]
    if day is None or day == local_date(at, programme.zone):
        return None
    return start_of_day(day, programme.zone)


def say_announced(scheme: TierScheme, holds_at: datetime | None, at: datetime) -> str:
    """Say that a change is announced; nothing where it holds already."""
    if holds_at is None or holds_at <= at:
        return ""
    day = say_moment(holds_at, scheme.programme, now=at)
    return _("Announced. It holds from %(date)s on, and you can call it off until then.") % {"date": day}


def say_refusal(programme: Programme, refusal: Exception, at: datetime) -> str:
    """Put the refusal of a day into words, with the way out."""
    if isinstance(refusal, AlreadyAnnounced):
        told = {"date": say_moment(refusal.starts_at, programme, now=at)}
        return _("A change is announced for %(date)s already. Call it off first, or wait for its day.") % told
    if isinstance(refusal, NoticeTooShort):
        day = first_whole_day(refusal.earliest, programme.zone)
        return _(
            "This takes something away from members, so they are told %(days)s days before. "
            "Choose %(date)s or a later day."
        ) % {"days": figures.number(refusal.notice_days), "date": f"{day:%Y-%m-%d}"}
    return _("This day has passed. Choose today or a later day.")


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
