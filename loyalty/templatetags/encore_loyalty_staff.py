"""The owner's overview: `{% load encore_loyalty_staff %}{% today %}`, on the first page of the admin.

admin.site.index_template = "encore/loyalty/admin/index.html"
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backstage import clock
from backstage.policies import By
from backstage.policies.charts import Chart, Series
from loyalty.models import Programme
from loyalty.queries import figures, sentences
from loyalty.queries.overview import MOST_COUNTED, Attention, Week, list_attention, list_owed, list_weeks

register = template.Library()


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person: what, and where it is done."""

    text: str
    address: str


@register.inclusion_tag("encore/loyalty/admin/today.html", takes_context=True)
def today(context: dict[str, Any]) -> dict[str, Any]:
    """Show what needs attention, what is owed, and how points came and went; each only to whoever may see it.

    Queries: at most 9 with one programme.
    """
    user, at = context["request"].user, clock.now()
    sees_money = user.has_perm("encore_loyalty.view_programme")
    owed = list_owed() if sees_money else []
    return {
        "at": at,
        "needs": list(_needs(list_attention(now=clock.real_now(), by=By("staff", str(user.pk))), user)),
        "sees_money": sees_money,
        "may_add": user.has_perm("encore_loyalty.add_programme"),
        "sees_members": user.has_perm("encore_loyalty.view_member"),
        "owed": [
            {
                "programme": row.programme,
                "members": figures.number(row.members),
                "points": figures.number(row.points),
                "pending": figures.number(row.pending_points),
                "worth": figures.money(row.worth_minor, row.programme.currency),
                "chart": draw_weeks(row.programme, list_weeks(programme=row.programme, at=at), at),
            }
            for row in owed
        ],
    }


def _needs(attention: Attention, user: Any) -> Iterator[Need]:
    """Put what waits into sentences, the gravest first; whoever may not see the page is not sent there."""
    if user.has_perm("encore_backstage.view_jobrun"):
        yield from _job_needs(attention)
    if attention.requests and user.has_perm("encore_backstage.decide_approval"):
        sentence = ngettext(
            "%(n)s request waits for your approval",
            "%(n)s requests wait for your approval",
            attention.requests,
        )
        address = reverse("admin:encore_backstage_approval_changelist") + "?state__exact=waiting"
        yield Need(sentence % {"n": _at_most(attention.requests)}, address)
    if attention.problems and user.has_perm("encore_commerce.view_purchaseproblem"):
        sentence = ngettext("%(n)s order to look at", "%(n)s orders to look at", attention.problems)
        address = reverse("admin:encore_commerce_purchaseproblem_changelist")
        yield Need(sentence % {"n": _at_most(attention.problems)}, address)
    if attention.duplicates and user.has_perm("encore_commerce.view_possibleduplicate"):
        sentence = ngettext(
            "%(n)s pair of customers who may be one person",
            "%(n)s pairs of customers who may be one person",
            attention.duplicates,
        )
        address = reverse("admin:encore_commerce_possibleduplicate_changelist")
        yield Need(sentence % {"n": _at_most(attention.duplicates)}, address)


def _job_needs(attention: Attention) -> Iterator[Need]:
    for name, run_id in attention.failed_jobs:
        text = _("The job %(job)s failed") % {"job": name}
        yield Need(text, reverse("admin:encore_backstage_jobrun_change", args=[run_id]))
    if attention.silent_jobs:
        name, since = min(attention.silent_jobs, key=lambda job: job[1])
        sentence = ngettext(
            "%(n)s job does not run (%(job)s since %(since)s). Start the worker or cron.",
            "%(n)s jobs do not run (%(job)s since %(since)s). Start the worker or cron.",
            len(attention.silent_jobs),
        )
        told = {
            "n": len(attention.silent_jobs),
            "job": name,
            "since": date_format(since, "SHORT_DATETIME_FORMAT"),
        }
        yield Need(sentence % told, reverse("admin:encore_backstage_jobrun_changelist"))


def _at_most(count: int) -> str:
    return f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count)


def draw_weeks(programme: Programme, weeks: Sequence[Week], at: datetime) -> Chart:
    """Draw the points issued and used, week by week."""
    issued, used = sum(week.issued for week in weeks), sum(week.used for week in weeks)
    told = {"issued": sentences.points(issued), "used": sentences.points(used), "weeks": len(weeks)}
    has_any = bool(issued or used)
    return Chart(
        title=_("%(issued)s issued, %(used)s used") % told if has_any else _("Points issued and used"),
        subtitle=_("%(name)s: points per week, the last %(weeks)s weeks") % {"name": programme.name, **told},
        summary=_("In the last %(weeks)s weeks %(issued)s were issued and %(used)s were used.") % told,
        labels=[date_format(week.begins_on, "MONTH_DAY_FORMAT") for week in weeks],
        series=[
            Series(_("issued"), [week.issued if has_any else None for week in weeks]),
            Series(_("used"), [week.used if has_any else None for week in weeks]),
        ],
        write=lambda value: figures.number(int(value)),
    )
