"""The curve of the revenue and the portrait of the best customers, in words and as a chart."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.dates import WEEKDAYS
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage.policies.charts import Chart, Number, Series
from commerce.policies.portrait import AGE_BANDS, FEWEST, Portrait, Share, Side, Trait
from commerce.policies.revenue_curve import Proposal, RevenueCurve
from loyalty.queries import figures, sentences

TRAITS: Final = {
    Trait.CATEGORY: gettext_lazy("Category: %(name)s"),
    Trait.BRAND: gettext_lazy("Brand: %(name)s"),
    Trait.PRODUCT: gettext_lazy("Article: %(name)s"),
    Trait.CHANNEL: gettext_lazy("Channel: %(name)s"),
    Trait.WEEKDAY: gettext_lazy("Day: %(name)s"),
    Trait.PLACE: gettext_lazy("Place: %(name)s"),
    Trait.AGE: gettext_lazy("Age: %(name)s"),
}
UNTOLD: Final = {
    Trait.CATEGORY: gettext_lazy("category"),
    Trait.BRAND: gettext_lazy("brand"),
    Trait.PRODUCT: gettext_lazy("article"),
    Trait.CHANNEL: gettext_lazy("channel"),
    Trait.WEEKDAY: gettext_lazy("day of the week"),
    Trait.PLACE: gettext_lazy("place"),
    Trait.AGE: gettext_lazy("age"),
}


# -- the curve -----------------------------------------------------------------------------------------------


def say_proposal(proposal: Proposal, curve: RevenueCurve) -> str:
    """Say in one sentence what the curve shows, and whether it is worth to invite the best."""
    if not curve.customers:
        return _("Nobody has bought in this time, so there is no curve yet.")
    if proposal.is_small:
        few = ngettext(
            "Only %(n)s customer bought in this time: too few for a curve. Choose a segment instead.",
            "Only %(n)s customers bought in this time: too few for a curve. Choose a segment instead.",
            curve.customers,
        )
        return sentences.counted(few, curve.customers)
    if proposal.is_flat:
        return _(
            "Your customers are much alike: it takes %(percent)s %% of them to bring half of your revenue. "
            "To invite only the best few would leave out others who are as good."
        ) % {"percent": proposal.percent}
    return _("%(percent)s %% of your customers bring half of your revenue.") % {"percent": proposal.percent}


def say_best(curve: RevenueCurve, percent: int) -> str:
    """Say how many the best so many per cent are, what they bring, and what it takes to be one of them."""
    point = curve.at(percent)
    who = ngettext(
        "The best %(percent)s %% are %(n)s customer.",
        "The best %(percent)s %% are %(n)s customers.",
        point.customers,
    )
    what = _("They bring %(share)s %% of the revenue; each of them bought for %(least)s or more.") % {
        "share": curve.share(percent),
        "least": figures.money(point.least_minor, curve.currency),
    }
    return f"{sentences.counted(who, point.customers, percent=percent)} {what}"


def draw_curve(curve: RevenueCurve, proposal: Proposal, months: int) -> Chart:
    """Draw how much the best so many per cent bring, beside customers who would all be alike."""
    return Chart(
        title=say_proposal(proposal, curve),
        subtitle=_("Share of the revenue in %(currency)s in %(months)s months, the best customers first")
        % {"currency": curve.currency, "months": months},
        summary=_(
            "From left to right the best customers, from below their share of the revenue. It turns flat at "
            "%(bend)s %% of the customers."
        )
        % {"bend": proposal.bend},
        labels=[_percent(percent) for percent in range(101)],
        series=[
            Series(_("Your customers"), curve.values()),
            # It would end where the curve ends, one name upon the other.
            Series(_("If all were alike"), [percent if percent <= 60 else None for percent in range(101)]),
        ],
        write=_percent,
    )


def _percent(value: Number) -> str:
    return _("%(percent)s %%") % {"percent": number_format(value, decimal_pos=0)}


# -- the portrait --------------------------------------------------------------------------------------------


def describe_portrait(portrait: Portrait) -> dict[str, Any]:
    """Give the rows of the portrait, and what is known of too few to tell."""
    too_few = ngettext(
        "They are %(n)s customer: too few to say what they are like. It takes %(fewest)s.",
        "They are %(n)s customers: too few to say what they are like. It takes %(fewest)s.",
        portrait.best.customers,
    )
    return {
        "habits": _habits(portrait),
        "shares": [
            (TRAITS[trait] % {"name": share.name}, _percent(share.best_percent), _percent(share.all_percent))
            for trait, shares in portrait.shares.items()
            for share in _in_words(trait, shares)
        ],
        "too_few": sentences.counted(too_few, portrait.best.customers, fewest=FEWEST)
        if portrait.is_too_small
        else "",
        "untold": [] if portrait.is_too_small else [UNTOLD[trait] for trait in portrait.untold],
    }


def _habits(portrait: Portrait) -> list[tuple[str, str, str]]:
    """Compare what both sides do, as far as each did it at all."""
    both = (portrait.best, portrait.everybody)

    def row(label: Any, cells: Sequence[str]) -> tuple[str, str, str]:
        return str(label), cells[0], cells[1]

    def money(side: Side) -> str:
        minor = side.average_order_minor
        return "–" if minor is None else figures.money(minor, portrait.currency)

    def orders(side: Side) -> str:
        tenths = side.orders_tenths(portrait.days)
        return "–" if tenths is None else number_format(tenths / 10, decimal_pos=1)

    def gap(side: Side) -> str:
        days = side.days_between
        return "–" if days is None else figures.number(days)

    return [
        row(_("Customers"), [figures.number(side.customers) for side in both]),
        row(_("Average order"), [money(side) for side in both]),
        row(_("Orders a year"), [orders(side) for side in both]),
        row(_("Days between two orders"), [gap(side) for side in both]),
    ]


def _in_words(trait: Trait, shares: Sequence[Share]) -> list[Share]:
    """Write days of the week and ages as people read them."""
    if trait is Trait.WEEKDAY:
        return [
            Share(str(WEEKDAYS[int(share.name) - 1]), share.best_percent, share.all_percent)
            for share in shares
        ]
    if trait is Trait.AGE:
        return [Share(_say_age(int(share.name)), share.best_percent, share.all_percent) for share in shares]
    return list(shares)


def _say_age(since: int) -> str:
    later = [band for band in AGE_BANDS if band > since]
    if not later:
        return _("%(age)s and older") % {"age": since}
    return _("%(first)s to %(last)s") % {"first": since, "last": later[0] - 1}
