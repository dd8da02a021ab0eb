"""A member's levels for staff: where they stand, what they had, and one given by hand with its reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import show_page
from loyalty.models import Member, TierHolding
from loyalty.operations.tiers.grants import GrantUnknown, end_granted_tier, grant_tier
from loyalty.policies.calendar import end_of_day
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.policies.tiers.scheme import Tier as Level
from loyalty.queries import figures
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.course import find_course
from loyalty.queries.tiers.levels import list_tiers
from loyalty.queries.tiers.member_section import read_course
from loyalty.queries.tiers.schemes import name_levels
from loyalty.registry import Visit

SHOWN = 50


class GrantForm(forms.Form):
    """ "Give Gold until 31 December, because …"."""

    template_name = "encore/backstage/fields.html"

    level_id = forms.TypedChoiceField(label=gettext_lazy("Give the level"), coerce=int)
    last_day = forms.DateField(
        label=gettext_lazy("Last day (nothing: until you end it)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    note = forms.CharField(
        label=gettext_lazy("Why, for staff"),
        max_length=200,
        error_messages={"required": gettext_lazy("Say why, so that whoever asks later can be told.")},
    )

    def __init__(self, *args: Any, levels: tuple[Level, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["level_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [(tier.level_id, tier.name) for tier in levels]


def read(member: Member, at: datetime) -> Mapping[str, Any]:
    """Give what the tab shows: the course that the member reads, and every level that they had."""
    rules = get_programme_rules(member.programme_id)
    course = find_course(rules, member_id=member.pk, at=at)
    # Of a page only what the words need: nobody has loaded a book here.
    visit: Any = Visit(member=member, programme=member.programme, book=None, at=at)  # type: ignore[arg-type]
    rows = list(TierHolding.objects.filter(member=member).order_by("-begins_at", "-id")[:SHOWN])
    names = name_levels({row.level_id for row in rows}, at=at)
    return {
        "course": read_course(course, visit) if course else None,
        "holdings": [_say(row, names.get(row.level_id, "?"), member, at) for row in rows],
        "has_levels": bool(list_tiers(rules, at=at)),
    }


def _say(row: TierHolding, name: str, member: Member, at: datetime) -> dict[str, Any]:
    zone = member.programme.zone
    return {
        "row": row,
        "name": name,
        "since": figures.day(row.begins_at, zone, now=at),
        "until": figures.last_day(row.ends_at, zone, now=at) if row.ends_at else "",
        "tests": figures.last_day(end_of_day(row.tests_on, zone), zone, now=at) if row.tests_on else "",
        "may_end": row.source == LevelSource.HAND and (row.ends_at is None or row.ends_at > at),
    }


def give(model_admin: "ModelAdmin[Any]", request: HttpRequest, member: Member, *, back: str) -> HttpResponse:
    """Ask for a level and a reason, and give it."""
    at = clock.now()
    levels = list_tiers(get_programme_rules(member.programme_id), at=at)
    form = GrantForm(request.POST or None, levels=levels)
    if form.is_valid() and _give(request, form, member, at):
        messages.success(request, _("The level is given."))
        return redirect(back)
    return show_page(
        model_admin,
        request,
        obj=member,
        template="encore/loyalty/admin/member_level.html",
        status=422 if form.is_bound and form.errors else 200,
        title=_("Give a level"),
        form=form,
        back=back,
        has_levels=bool(levels),
    )


def _give(request: HttpRequest, form: GrantForm, member: Member, at: datetime) -> bool:
    told = form.cleaned_data
    try:
        grant_tier(
            member_id=member.pk,
            level_id=told["level_id"],
            source=LevelSource.HAND,
            ends_at=end_of_day(told["last_day"], member.programme.zone) if told["last_day"] else None,
            note=told["note"],
            at=at,
            by=by_staff(request.user),
        )
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            form.add_error("last_day" if name == "ends_at" else name, texts)
        return False
    return True


def end(request: HttpRequest, member: Member) -> None:
    """End the level that was given by hand."""
    try:
        end_granted_tier(
            member_id=member.pk, source=LevelSource.HAND, at=clock.now(), by=by_staff(request.user)
        )
        messages.success(request, _("The given level has ended. What was earned stays."))
    except GrantUnknown:
        messages.warning(request, _("Somebody was faster, so nothing was changed."))
