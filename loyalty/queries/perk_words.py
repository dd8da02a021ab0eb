"""Benefits of levels and plans in words, for members and for whoever puts them together."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from loyalty.policies.perks import Perk, PerkFault, PerkKind
from loyalty.queries import figures
from loyalty.queries.sentences import counted

# What owners choose from; the number of the first two is asked for beside it.
PERK_LABELS: dict[PerkKind, Promise] = {
    PerkKind.FREE_SHIPPING: _("free shipping"),
    PerkKind.EARLY_ACCESS: _("early access to new products"),
    PerkKind.BIRTHDAY_GIFT: _("a birthday gift"),
    PerkKind.FREE_RETURNS: _("free returns"),
    PerkKind.PRIORITY_HELP: _("help without waiting"),
    PerkKind.OTHER: _("something of our own"),
}
_FAULTS = {
    PerkFault.SHAPE: _("Write a benefit as its kind, with a number, a key or a text where it has one."),
    PerkFault.UNKNOWN: _("There is no such benefit. Choose one from the list."),
    PerkFault.NUMBER: _(
        "Give a whole number of 1 or more where the benefit has one: early access needs hours."
    ),
    PerkFault.KEY: _("Name it for your shop's code: small letters, digits and _, such as lounge."),
    PerkFault.TEXT: _("Say in up to 120 characters what members read."),
    PerkFault.TWICE: _("This benefit is in the list already."),
    PerkFault.MANY: _("Give at most 12 benefits."),
}


def say_fault(fault: PerkFault) -> str:
    """Say what has to change about a benefit."""
    return str(_FAULTS[fault])


def say_perk(perk: Perk, currency: str) -> str:
    """Say one benefit in the reader's language; the shop's own words in English where it has no others."""
    own = perk.text.get((get_language() or "en").partition("-")[0]) or perk.text.get("en", "")
    if perk.kind is PerkKind.OTHER:
        return own or next(iter(perk.text.values()))
    if perk.kind is PerkKind.FREE_SHIPPING and perk.number:
        return gettext("Free shipping from %(amount)s on") % {"amount": figures.money(perk.number, currency)}
    if perk.kind is PerkKind.EARLY_ACCESS:
        hours = ngettext(
            "New products %(n)s hour before everybody else",
            "New products %(n)s hours before everybody else",
            perk.number or 0,
        )
        return counted(hours, perk.number or 0)
    if perk.kind is PerkKind.BIRTHDAY_GIFT and own:
        return gettext("For your birthday: %(gift)s") % {"gift": own}
    return {
        PerkKind.FREE_SHIPPING: gettext("Free shipping"),
        PerkKind.BIRTHDAY_GIFT: gettext("A gift for your birthday"),
        PerkKind.FREE_RETURNS: gettext("Free returns"),
        PerkKind.PRIORITY_HELP: gettext("Help without waiting"),
    }[perk.kind]


def say_perks(perks: Iterable[Perk], currency: str) -> list[str]:
    """Say a list of benefits, a sentence each."""
    return [say_perk(perk, currency) for perk in perks]
