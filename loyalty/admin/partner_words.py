"""What the pages of partners say: prices, periods, months, and what they come to."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from backstage.policies.charts import Chart, Series
from loyalty.admin.partner_forms import PriceForm
from loyalty.models import PartnerPrice, PartnerStatement, Programme
from loyalty.models.statement import StatementDeedChoices
from loyalty.policies.calendar import local_date
from loyalty.policies.partners import amount_minor
from loyalty.queries import figures, sentences
from loyalty.queries.statements import Line

# A month to show what a price comes to. Units: points.
EXAMPLE_ISSUED, EXAMPLE_REDEEMED = 10_000, 4_000


@dataclass(frozen=True, slots=True)
class LineText:
    """A line of a statement as it is read."""

    channel: str
    what: str
    is_late: bool
    points: str
    price: str
    amount: str


def say_price(price: PartnerPrice, currency: str) -> str:
    """Say both prices for 1,000 points."""
    return _("pays %(issued)s, is paid %(redeemed)s for 1,000 points") % {
        "issued": figures.money(price.issued_minor, currency),
        "redeemed": figures.money(price.redeemed_minor, currency),
    }


def say_period(row: Any, programme: Programme) -> str:
    """Say from when to when a row holds, by local days."""
    since = date_format(local_date(row.starts_at, programme.zone), "DATE_FORMAT")
    if row.ends_at is None:
        return _("since %(date)s") % {"date": since}
    until = date_format(local_date(row.ends_at, programme.zone), "DATE_FORMAT")
    return _("from %(since)s until before %(until)s") % {"since": since, "until": until}


def write_month(day: date) -> str:
    """Write a month: March 2026."""
    return date_format(day, "YEAR_MONTH_FORMAT")


def say_balance(minor: int, currency: str) -> str:
    """Say who owes whom how much."""
    amount = figures.money(abs(minor), currency)
    if minor > 0:
        return _("The partner owes %(amount)s.") % {"amount": amount}
    if minor < 0:
        return _("You owe the partner %(amount)s.") % {"amount": amount}
    return _("Nobody owes anything.")


def tell_line(line: Line, currency: str) -> LineText:
    """Write a line out."""
    return LineText(
        line.channel_name,
        str(StatementDeedChoices(line.deed.value).label),
        line.is_late,
        figures.number(line.points),
        figures.money(line.price_minor, currency),
        figures.money(line.signed_minor, currency),
    )


def preview_price(form: PriceForm) -> str:
    """Say what a month would come to; nothing while a price is missing or cannot be."""
    form.is_valid()
    issued, redeemed = (form.cleaned_data.get(name) for name in ("issued", "redeemed"))
    if issued is None or redeemed is None:
        return ""
    minor = amount_minor(EXAMPLE_ISSUED, issued) - amount_minor(EXAMPLE_REDEEMED, redeemed)
    told = {
        "issued": sentences.points(EXAMPLE_ISSUED),
        "redeemed": sentences.points(EXAMPLE_REDEEMED),
        "balance": say_balance(minor, form.programme.currency),
    }
    return _("A month in which its channels issue %(issued)s and take %(redeemed)s: %(balance)s") % told


def chart_of(statements: list[PartnerStatement]) -> Chart:
    """Draw the points of the newest months: issued and redeemed, less what came back."""
    issued = [row.issued_points - row.taken_back_points for row in statements]
    redeemed = [row.redeemed_points - row.given_back_points for row in statements]
    return Chart(
        title=_("Points by month"),
        subtitle=_("Issued and redeemed at this partner, less what came back"),
        summary=_("In the newest month %(issued)s were issued and %(redeemed)s were redeemed.")
        % {
            "issued": sentences.points(issued[-1] if issued else 0),
            "redeemed": sentences.points(redeemed[-1] if redeemed else 0),
        },
        labels=[write_month(row.month_on) for row in statements],
        series=[Series(_("issued"), issued), Series(_("redeemed"), redeemed)],
        write=lambda value: figures.number(int(value)),
    )
