"""What a return would take back, asked before the money goes out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from backstage import clock
from commerce.models import Purchase
from loyalty.models import Award, Member
from loyalty.policies.awarding import Sale, SaleLine, decide_target, room_as_before, standing_by_terms
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.requests import ClawBack
from loyalty.policies.states import State
from loyalty.queries.balance import book_at, get_account
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.sales import get_sales


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """What would come back of one line now, on top of what came back before. Units: pieces; minor units."""

    quantity: Decimal = Decimal(0)
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnPreview:
    """What a return would take back from one member. Units: points; `from_refund_minor` in minor units.

    `points` is what the goods no longer stand for. It comes from points on the way and from ready points;
    the rest becomes debt, is let go, or is to be kept from the cash refund, as the programme says.
    """

    programme_id: int
    member_id: int
    points: int
    from_pending: int
    from_available: int
    debt_points: int
    let_go_points: int
    from_refund_minor: int
    currency: str


def preview_return(
    *,
    purchase_id: int,
    lines: Mapping[str, ReturnedLine] | None = None,
    refunded_minor: int = 0,
    at: datetime | None = None,
) -> list[ReturnPreview]:
    """Say, for each programme in which a purchase earned, what this return would take back.

    The same arithmetic as the return itself, on a copy; nothing is written. Raises: KeyError for a line that
    the purchase does not have, Purchase.DoesNotExist.
    """
    at = clock.now() if at is None else at
    purchase = Purchase.objects.get(id=purchase_id)
    sale = _with_returns(get_sales([purchase])[purchase_id], lines or {}, refunded_minor)
    awards = Award.objects.filter(purchase_id=purchase_id, member__isnull=False).order_by("id")
    return [_preview(award, purchase, sale, at) for award in awards]


def _with_returns(sale: Sale, returned: Mapping[str, ReturnedLine], refunded_minor: int) -> Sale:
    if unknown := sorted(returned.keys() - {line.key for line in sale.lines}):
        raise KeyError(
            f"The purchase has no line {', '.join(unknown)}. Name its lines by the shop's own keys."
        )
    lines = tuple(_add(line, returned[line.key]) if line.key in returned else line for line in sale.lines)
    return replace(sale, lines=lines, refunded_minor=sale.refunded_minor + refunded_minor)


def _add(line: SaleLine, returned: ReturnedLine) -> SaleLine:
    """Add to what came back before. An amount beside earlier bare quantities turns those into amounts
    first.
    """
    quantity = line.returned_quantity + returned.quantity
    if returned.amount_minor is None and line.returned_minor is None:
        return line._replace(returned_quantity=quantity)
    amount_minor = _amount(line, line.returned_quantity, line.returned_minor)
    amount_minor += _amount(line, returned.quantity, returned.amount_minor)
    return line._replace(returned_quantity=quantity, returned_minor=amount_minor)


def _amount(line: SaleLine, quantity: Decimal, amount_minor: int | None) -> int:
    if amount_minor is not None:
        return amount_minor
    return int(line.sold_minor * quantity / line.quantity) if line.quantity else 0


def _preview(award: Award, purchase: Purchase, sale: Sale, at: datetime) -> ReturnPreview:
    rules = get_programme_rules(award.programme_id)
    facts, room = award.facts[str(award.member_id)], room_as_before(award.extras)
    target = decide_target(rules, facts, sale, room)
    standing, posted = standing_by_terms(target.lines), standing_by_terms(award.lines)
    parts = {terms_id: points - standing.get(terms_id, 0) for terms_id, points in sorted(posted.items())}
    member = _holder(award)
    request = ClawBack(
        member_id=member.id,
        key="preview",
        reason="returned",
        parts=tuple((terms_id, points) for terms_id, points in parts.items() if points > 0),
        purchase_id=purchase.id,
        policy=rules.debt_policy_at(at),
        qualifying_at=purchase.placed_at,
    )
    account = get_account(member.id)
    draft = request.apply(book_at(account, at), at)
    taken = {
        state: sum(move.points for move in draft.moves if move.from_state is state)
        for state in (State.PENDING, State.AVAILABLE)
    }
    programme = account.member.programme
    from_refund = draft.let_go_points if rules.debt_policy_at(at) is DebtPolicy.FROM_REFUND else 0
    return ReturnPreview(
        programme_id=rules.id,
        member_id=member.id,
        points=sum(points for points in parts.values() if points > 0),
        from_pending=taken[State.PENDING],
        from_available=taken[State.AVAILABLE],
        debt_points=draft.debt_change,
        let_go_points=0 if from_refund else draft.let_go_points,
        from_refund_minor=programme.worth_at(at).of(from_refund),
        currency=rules.currency,
    )


def _holder(award: Award) -> Member:
    member = Member.objects.get(id=award.member_id or 0)
    while member.merged_into_id is not None:
        member = Member.objects.get(id=member.merged_into_id)
    return member
