"""What a preview and its warnings say to the owner, in whole sentences."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_money, say_number
from coupons.models import Code
from coupons.policies.meetings import Meeting, Worst
from coupons.policies.offer import Offer
from coupons.policies.previews import Kept, Preview, Thin

MOST_NAMES = 3


def list_sentences(found: Preview, offer: Offer, currency: str) -> list[str]:
    """Say what a coupon would do, one sentence for each thing."""
    if found.typical is None:
        return [_("No orders are recorded in the last 90 days, so nothing can be tried.")]
    if not found.reached:
        return [_("None of the orders of the last 90 days would have got it.")]
    return [
        *_about_typical(found, currency),
        _say_reach(found, currency),
        _say_worth(found, offer, currency),
        *_about_thinnest(found, currency),
    ]


def _about_typical(found: Preview, currency: str) -> Iterator[str]:
    kept = found.kept
    if kept is None:
        return
    gaps = {
        "before": say_money(kept.paid_before, currency),
        "after": say_money(kept.paid_after, currency),
    }
    if found.gets_nothing:
        yield _("A typical order gets nothing of it.")
        return
    yield _("A typical order that gets it pays %(after)s instead of %(before)s.") % gaps
    yield from list_kept(kept, currency)


def list_kept(kept: Kept, currency: str) -> list[str]:
    """Say what is left of an order, or whose cost nobody told. Queries: 0."""
    if kept.before is None or kept.after is None:
        names = ", ".join(kept.unknown[:MOST_NAMES])
        return [
            _("What you keep of it is not known: nobody told what this costs you: %(names)s.")
            % {"names": names}
        ]
    return list(_about_kept(kept, currency))


def _about_kept(kept: Kept, currency: str) -> Iterator[str]:
    if kept.before is None or kept.after is None:
        return
    gaps = {"before": say_money(kept.before, currency), "after": say_money(kept.after, currency)}
    if kept.before > 0:
        gaps["share"] = say_percent(Fraction(kept.after - kept.before, kept.before))
        yield _("You keep %(before)s → %(after)s (%(share)s).") % gaps
    else:
        yield _("You keep %(before)s → %(after)s.") % gaps
    more = kept.more_orders
    if more is None:
        yield _("No number of further orders makes up for it: you keep nothing of one.")
    elif more > 0:
        yield _("You need %(share)s more orders to earn the same.") % {"share": say_percent(more)}


def _say_reach(found: Preview, currency: str) -> str:
    sentence = ngettext(
        "Of the last %(orders)s orders, %(n)s would have got it: %(given)s in all.",
        "Of the last %(orders)s orders, %(n)s would have got it: %(given)s in all.",
        found.reached,
    )
    return sentence % {
        "n": say_number(found.reached),
        "orders": say_number(found.orders),
        "given": say_money(found.given_minor, currency),
    }


def _say_worth(found: Preview, offer: Offer, currency: str) -> str:
    if found.worth_minor is None:
        return _("Nothing limits what it may cost in all: there is no limit of uses and no budget.")
    gaps = {"amount": say_money(found.worth_minor, currency), "n": say_number(offer.limit_total or 0)}
    if offer.limit_total is None:
        return _("Its budget ends it at %(amount)s.") % gaps
    sentence = ngettext(
        "If the %(n)s use is taken on a typical order: %(amount)s given away.",
        "If all %(n)s uses are taken on typical orders: %(amount)s given away.",
        offer.limit_total,
    )
    return sentence % gaps


def _about_thinnest(found: Preview, currency: str) -> Iterator[str]:
    if found.unknown_cost:
        sentence = ngettext(
            "Of %(n)s article nobody told what it costs you.",
            "Of %(n)s articles nobody told what they cost you.",
            found.unknown_cost,
        )
        yield sentence % {"n": say_number(found.unknown_cost)}
    thin = found.thinnest
    if thin is None or thin.is_below_cost:
        return
    gaps = {"name": thin.name, "kept": say_money(thin.kept_minor, currency), **_paid(thin, currency)}
    yield _("Thinnest product: %(name)s, of %(paid)s you keep %(kept)s.") % gaps
    if thin.stock is not None:
        sentence = ngettext("%(n)s piece of it is left.", "%(n)s pieces of it are left.", thin.stock)
        yield sentence % {"n": say_number(thin.stock)}


def _paid(thin: Thin, currency: str) -> dict[str, str]:
    return {"paid": say_money(thin.paid_minor, currency)}


# -- warnings ------------------------------------------------------------------------------------------------


def say_below_cost(thin: Sequence[Thin], currency: str) -> str:
    """Say which articles would be sold for less than they cost."""
    names = ", ".join(one.name for one in thin[:MOST_NAMES])
    gaps = {
        "n": say_number(len(thin)),
        "names": names,
        "lost": say_money(-thin[0].kept_minor, currency),
    }
    sentence = ngettext(
        "Sold below cost: %(names)s. You lose %(lost)s on an order.",
        "%(n)s articles are sold below cost: %(names)s … You lose up to %(lost)s on an order of the first.",
        len(thin),
    )
    return sentence % gaps


def say_worst_below_cost(worst: Worst, names: Mapping[int, str], currency: str) -> str:
    """Say that a whole order is sold below cost with everything live."""
    return _("Together with %(others)s an order of %(before)s is sold below cost: you lose %(lost)s.") % {
        "others": _others(worst, names),
        "before": say_money(worst.kept.paid_before, currency),
        "lost": say_money(-(worst.kept.after or 0), currency),
    }


def say_worst(worst: Worst, names: Mapping[int, str], currency: str) -> str:
    """Say what the worst basket gets with everything live."""
    return _("With everything live, an order of %(before)s gets %(share)s off, also from: %(others)s.") % {
        "before": say_money(worst.kept.paid_before, currency),
        "share": say_percent(worst.share),
        "others": _others(worst, names),
    }


def _others(worst: Worst, names: Mapping[int, str]) -> str:
    return ", ".join(f"“{names[one]}”" for one in worst.coupon_ids if one in names)


def say_meeting(one: Meeting) -> str:
    """Say what happens where two coupons meet, and until when."""
    gaps = {
        "name": one.name,
        "share": say_percent(one.share),
        "end": date_format(localtime(one.ends_at), "DATE_FORMAT") if one.ends_at else "",
    }
    if not one.adds_up:
        return _("“%(name)s” speaks of the same goods. The better one counts: at most %(share)s off.") % gaps
    if one.is_automatic and one.ends_at:
        return _("“%(name)s” runs by itself. Together until %(end)s: %(share)s off.") % gaps
    if one.is_automatic:
        return _("“%(name)s” runs by itself. Together: %(share)s off.") % gaps
    if one.ends_at:
        return _("“%(name)s” may be used with it. Together until %(end)s: %(share)s off.") % gaps
    return _("“%(name)s” may be used with it. Together: %(share)s off.") % gaps


def say_over_budget(expected: int, left: int, days: int, currency: str) -> str:
    """Say that a budget will not last until the end."""
    sentence = ngettext(
        "At the pace of recorded orders it costs %(expected)s until its end; %(left)s lasts %(n)s day.",
        "At the pace of recorded orders it costs %(expected)s until its end; %(left)s lasts %(n)s days.",
        days,
    )
    return sentence % {
        "expected": say_money(expected, currency),
        "left": say_money(left, currency),
        "n": say_number(days),
    }


def say_similar(other: Code) -> str:
    """Say that customers will mistype a code."""
    return _("A code %(code)s exists (1 letter apart, “%(name)s”). Customers will mistype.") % {
        "code": str(other),
        "name": other.coupon.name,
    }


def say_reserved(code: str) -> str:
    """Say that everybody would try a code."""
    return _("%(code)s is a code that people try at every shop. Choose one that nobody guesses.") % {
        "code": code
    }


def say_percent(share: Fraction) -> str:
    """Write a share in whole percent, with its sign where it is below zero: −31%."""
    whole = round(abs(share) * 100)
    sign = "−" if share < 0 and whole else ""
    return _("%(sign)s%(n)s%%") % {"sign": sign, "n": say_number(whole)}
