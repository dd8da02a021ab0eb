"""What members read about exchanging: with whom, at which rate, and what became of what they asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from loyalty.models import Member, Programme, Transfer
from loyalty.policies.outside import AccountFault, Outside, Rate, TransferState
from loyalty.queries import figures
from loyalty.queries.balance import Balance
from loyalty.queries.outside import find_accounts, list_transfers
from loyalty.queries.programmes import rules_of
from loyalty.queries.sentences import counted
from loyalty.registry import Visit

ACCOUNT_FAULTS: Mapping[AccountFault, str | Promise] = {
    AccountFault.PATTERN: gettext_lazy("This does not look like an account number. Look at it once more."),
    AccountFault.CHECK_DIGIT: gettext_lazy("A digit is wrong. Look at the number once more."),
    AccountFault.PAYMENT_CARD: gettext_lazy(
        "This looks like a payment card. Write the number of your account instead; we have not kept this one."
    ),
}
STATES: Mapping[TransferState, str | Promise] = {
    TransferState.WAITING: gettext_lazy("goes out with the next file"),
    TransferState.SENT: gettext_lazy("sent, no answer yet"),
    TransferState.ACCEPTED: gettext_lazy("done"),
    TransferState.REFUSED: gettext_lazy("refused, your points came back"),
    TransferState.CALLED_OFF: gettext_lazy("called off, your points came back"),
    TransferState.REPORTED: gettext_lazy("we are looking into it"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One outside programme as a member sees it. Units: points; `most` is the largest whole number of
    steps.
    """

    outside: Outside
    rate: Rate
    says: str
    account: str
    most: int


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange as it is read. `can_call_off`: it has not been sent yet."""

    transfer: Transfer
    says: str
    about: str
    can_call_off: bool


def find_exchange(visit: Visit) -> Mapping[str, Any] | None:
    """Lead to the page where points are exchanged, if there is anybody to exchange with. Queries: 0."""
    names = [one.name for one in _open(visit.programme, visit.at)]
    return {"names": ", ".join(names)} if names else None


def list_open_ids(programme: Programme, at: datetime) -> set[int]:
    """Give the outside programmes that points go out to now. Queries: 0."""
    return {one.id for one in _open(programme, at)}


def list_offers(member: Member, programme: Programme, balance: Balance, at: datetime) -> list[Offer]:
    """Give the outside programmes that a member can exchange with. Queries: 1; 0 where there is none."""
    outside = _open(programme, at)
    accounts = find_accounts(member_id=member.id) if outside else {}
    return [_offer(one, at, str(accounts.get(one.id, "")), balance.available) for one in outside]


def _open(programme: Programme, at: datetime) -> list[Outside]:
    return [one for one in rules_of(programme).outside if one.rate_at(at) is not None]


def _offer(outside: Outside, at: datetime, account: str, available: int) -> Offer:
    rate = outside.rate_at(at)
    assert rate is not None  # noqa: S101 (for the type checker: closed ones are left out)
    return Offer(outside, rate, say_rate(rate, outside.unit), account, available // rate.points * rate.points)


def say_rate(rate: Rate, unit: str) -> str:
    """Say what one step brings."""
    sentence = ngettext(
        "%(n)s point gives %(units)s (%(unit)s).", "%(n)s points give %(units)s (%(unit)s).", rate.points
    )
    return counted(sentence, rate.points, units=figures.number(rate.units), unit=unit)


def list_rows(member: Member, programme: Programme, at: datetime) -> Iterator[Row]:
    """Tell a member's newest exchanges. Queries: 1."""
    for transfer in list_transfers(member_id=member.id):
        state = TransferState(transfer.state)
        says = ngettext(
            "%(n)s point for %(units)s (%(unit)s) with %(name)s",
            "%(n)s points for %(units)s (%(unit)s) with %(name)s",
            transfer.points,
        )
        outside = transfer.outside
        day = figures.day(transfer.asked_at, programme.zone, now=at)
        yield Row(
            transfer,
            counted(
                says,
                transfer.points,
                units=figures.number(transfer.units),
                unit=outside.unit,
                name=outside.name,
            ),
            f"{day}, {transfer.account}: {STATES[state]}",
            state is TransferState.WAITING,
        )


def say_whole_steps(below: int, above: int) -> str:
    """Say which numbers of points near to the one asked for can be exchanged."""
    if not below:
        return counted(
            ngettext("Exchange at least %(n)s point.", "Exchange at least %(n)s points.", above), above
        )
    return gettext("Only whole steps can be exchanged. Write %(below)s or %(above)s.") % {
        "below": figures.number(below),
        "above": figures.number(above),
    }
