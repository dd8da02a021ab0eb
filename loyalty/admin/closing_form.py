"""The form in which the owner says which day is the last one of the club."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from backstage import clock
from loyalty.admin.programme_forms import ProgrammeChangeForm
from loyalty.models import Programme
from loyalty.policies.changes.notice import earliest_start, last_whole_day
from loyalty.queries.changes.announcements import has_audience


class CloseForm(ProgrammeChangeForm):
    """The last day of the club."""

    last_day = forms.DateField(
        label=gettext_lazy("Last day on which points can be used"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def read(self) -> dict[str, Any]:
        """Give the day."""
        return {"last_day": self.cleaned_data["last_day"]}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give the first day that may be the last one."""
        at = clock.now()
        days = programme.settings_history().value_at("notice_days", at)
        earliest = earliest_start(at, days, is_told=has_audience(programme=programme, at=at))
        return {"last_day": last_whole_day(max(earliest, at), programme.zone)}
