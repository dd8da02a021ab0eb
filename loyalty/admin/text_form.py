"""The form of the club's terms as a text."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from loyalty.admin.programme_forms import ProgrammeChangeForm
from loyalty.models import Programme, TermsVersion
from loyalty.policies.calendar import local_date, start_of_day
from loyalty.policies.changes.notice import earliest_start, first_whole_day
from loyalty.queries.changes.announcements import has_audience
from loyalty.queries.changes.words import say_moment


class TextForm(ProgrammeChangeForm):
    """What members agree to."""

    can_wait = True

    text = forms.CharField(label=gettext_lazy("The terms of the club"), widget=forms.Textarea)

    def read(self) -> dict[str, Any]:
        """Give the text, and the day: the one that was chosen, or the first one that may be."""
        at, zone = clock.now(), self.programme.zone
        chosen = self.starts_at()
        if chosen == start_of_day(local_date(at, zone), zone):
            chosen = at
        days = self.programme.settings_history().value_at("notice_days", at)
        earliest = earliest_start(at, days, is_told=has_audience(programme=self.programme, at=at))
        soonest = at if earliest == at else start_of_day(first_whole_day(earliest, zone), zone)
        return {"text": self.cleaned_data.get("text", ""), "starts_at": chosen or soonest}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give the newest text."""
        newest = TermsVersion.objects.filter(programme=programme).order_by("-number").first()
        return {"text": newest.text if newest else ""}


def explain_text(form: TextForm) -> Iterator[str]:
    """Say who reads it, who agrees to it, and from when it holds."""
    at, starts_at = clock.now(), form.read()["starts_at"]
    if starts_at > at:
        day = say_moment(starts_at, form.programme, now=at)
        yield _("Members are told today, and can read it. It holds from %(date)s on.") % {"date": day}
    yield _(
        "Whoever joins then agrees to it. Members are asked to; they keep what they agreed to until they do."
    )
