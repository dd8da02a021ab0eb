"""What a basket gets: the coupons that count, what each line gets of them, and why others do not count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from commerce.policies.basket import Basket, BasketLine
from coupons.policies.conditions import Asking, Check, check_amount, list_checks
from coupons.policies.discounts import ByLine, take_off
from coupons.policies.margin import Agreement, Cut, Floor, Guard, is_excluded
from coupons.policies.offer import Buyer, KnownCode, Offer
from coupons.policies.plans import STAGES, Candidate, Plan, apply_in_stages, best_plan
from coupons.policies.states import CodeKind


class Verdict(StrEnum):
    """What became of a code, or of an offer that needs none.

    `NO_SUCH_CODE` is also said of codes that exist and are nobody's business: used up, private, somebody
    else's. Decision: ADR 24.
    """

    APPLIED = "applied"
    BETTER_ONE = "better_one"
    REFUSED = "refused"
    NO_SUCH_CODE = "no_such_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A coupon that counts, and what it takes off, in all and of each line by key."""

    coupon_id: int
    version_id: int
    name: str
    code_id: int | None
    code: str
    amount_minor: int
    by_line: ByLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said of one code as somebody typed it, or of an offer without one (`code` is empty then).

    `checks` are empty where nothing may be said; `amount_minor` is what the coupon would take off alone.
    """

    code: str
    verdict: Verdict
    coupon_id: int | None = None
    name: str = ""
    amount_minor: int = 0
    checks: tuple[Check, ...] = ()

    @property
    def failed(self) -> list[Check]:
        """The conditions that do not hold."""
        return [check for check in self.checks if not check.passes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a basket costs before and after its coupons. Units: minor units of the basket's currency.

    `cuts` are what agreements and floors of the margin took less off, `unknown_costs` the lines for which no
    floor could be kept, `room_minor` how much more may come off by other means, None for no floor.
    """

    currency: str
    before_minor: int
    applied: tuple[Applied, ...] = ()
    answers: tuple[Answer, ...] = ()
    cuts: tuple[Cut, ...] = ()
    unknown_costs: tuple[str, ...] = ()
    room_minor: int | None = None

    @property
    def discount_minor(self) -> int:
        """What all coupons take off."""
        return sum(one.amount_minor for one in self.applied)

    @property
    def to_pay_minor(self) -> int:
        """What is left to pay; never below zero."""
        return self.before_minor - self.discount_minor

    @property
    def by_line(self) -> dict[str, int]:
        """What each line gets off, by key; postage under "shipping"."""
        off: dict[str, int] = {}
        for one in self.applied:
            for key, amount in one.by_line.items():
                off[key] = off.get(key, 0) + amount
        return off


@dataclass(frozen=True, slots=True)
class Ask:
    """One coupon that is asked for, with the code as it was typed and as it is known."""

    offer: Offer
    typed: str = ""
    code: KnownCode | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The floors and agreements that discounts have to keep at a moment."""

    floors: Sequence[Floor] = ()
    agreements: Sequence[Agreement] = ()


@dataclass(slots=True)
class _Found:
    ask: Ask
    checks: list[Check]
    candidate: Candidate
    verdict: Verdict = field(default=Verdict.REFUSED)

    @property
    def passes(self) -> bool:
        return all(check.passes for check in self.checks)


def evaluate_candidates(
    basket: Basket,
    asks: Sequence[Ask],
    buyer: Buyer,
    at: datetime,
    *,
    limits: Limits = Limits(),
    unknown: Sequence[str] = (),
    tells_all: bool = False,
) -> Evaluation:
    """Work out what a basket gets of these coupons, within `limits`. `unknown` are codes for nothing.

    With `tells_all`, the owner's view, every answer says all that is known, offers without a code too.
    """
    left = basket.to_pay()
    stages = {ask.offer.coupon_id: STAGES[ask.offer.terms.kind] for ask in asks}
    guard = Guard(basket, left, limits.floors, limits.agreements, stages)
    found = [_ask(guard, buyer, at, ask) for ask in asks]
    best = _best_by_coupon([one for one in found if one.passes])
    chosen = [one.candidate for one in best.values()]
    plan = best_plan(chosen, left, lambda wanted: guard.keep(wanted).plan)
    for one in found:
        if one.passes:
            is_in = best.get(one.ask.offer.coupon_id) is one and one.ask.offer.coupon_id in plan.off
            one.verdict = Verdict.APPLIED if is_in else Verdict.BETTER_ONE
    answers = [_answer(one, buyer, tells_all=tells_all) for one in found if one.ask.typed or tells_all]
    return Evaluation(
        currency=basket.currency,
        before_minor=sum(left.values()),
        applied=_applied(best, plan),
        answers=(
            *(answer for answer in answers),
            *(Answer(code=code, verdict=Verdict.NO_SUCH_CODE) for code in unknown),
        ),
        cuts=_cuts(guard, chosen, plan),
        unknown_costs=tuple(guard.list_unknown()),
        room_minor=guard.room_minor(plan),
    )


def _cuts(guard: Guard, chosen: Sequence[Candidate], plan: Plan) -> tuple[Cut, ...]:
    """Say what was cut of the plan that stands: what its coupons would take off together, without limits."""
    if not (guard.floors or guard.agreements):
        return ()
    wanted = apply_in_stages([one for one in chosen if one.coupon_id in plan.off], guard.left)
    return guard.keep(wanted).cuts


def _ask(guard: Guard, buyer: Buyer, at: datetime, ask: Ask) -> _Found:
    terms, basket, left = ask.offer.terms, guard.basket, guard.left
    lines: list[BasketLine] = []
    excluded: list[BasketLine] = []
    for line in terms.lines_among(basket):
        (excluded if is_excluded(line, guard.agreements) else lines).append(line)
    checks = list_checks(
        Asking(
            basket=basket,
            left=left,
            buyer=buyer,
            at=at,
            offer=ask.offer,
            lines=lines,
            excluded=excluded,
            code=ask.code,
        )
    )
    if not all(check.passes for check in checks):
        # Nothing is said of an amount: one in another currency would be none.
        return _Found(ask, checks, Candidate(ask.offer.coupon_id, terms, lines))
    wanted = take_off(terms, lines, left)
    kept = guard.keep(Plan({ask.offer.coupon_id: wanted})).plan if wanted else Plan()
    candidate = Candidate(ask.offer.coupon_id, terms, lines, dict(kept.off.get(ask.offer.coupon_id, {})))
    amounts = {"wanted_minor": sum(wanted.values()), "amount_minor": candidate.alone_minor}
    return _Found(ask, [*checks, *check_amount(ask.offer, **amounts)], candidate)


def _best_by_coupon(found: Sequence[_Found]) -> dict[int, _Found]:
    """Of several codes of one coupon, take one: one that needs no code first, then the oldest code."""
    chosen: dict[int, _Found] = {}
    for one in sorted(found, key=lambda one: one.ask.code.code_id if one.ask.code else 0):
        chosen.setdefault(one.ask.offer.coupon_id, one)
    return chosen


def _answer(found: _Found, buyer: Buyer, *, tells_all: bool) -> Answer:
    ask, verdict = found.ask, found.verdict
    if verdict is Verdict.REFUSED and not (tells_all or _may_explain(ask, buyer)):
        return Answer(code=ask.typed, verdict=Verdict.NO_SUCH_CODE)
    return Answer(
        code=ask.typed,
        verdict=verdict,
        coupon_id=ask.offer.coupon_id,
        name=ask.offer.name,
        amount_minor=found.candidate.alone_minor,
        checks=tuple(found.checks),
    )


def _may_explain(ask: Ask, buyer: Buyer) -> bool:
    """Tell whether a refusal may be explained: of a code that everybody has, and of the buyer's own."""
    if ask.code is None:
        return True
    if ask.code.customer_id is not None:
        return ask.code.customer_id in buyer.family
    return ask.code.kind is not CodeKind.UNIQUE and ask.offer.is_public


def _applied(best: Mapping[int, _Found], plan: Plan) -> tuple[Applied, ...]:
    applied = []
    for coupon_id, by_line in sorted(plan.off.items()):
        ask = best[coupon_id].ask
        applied.append(
            Applied(
                coupon_id=coupon_id,
                version_id=ask.offer.terms.version_id,
                name=ask.offer.name,
                code_id=ask.code.code_id if ask.code else None,
                code=ask.typed,
                amount_minor=sum(by_line.values()),
                by_line=dict(by_line),
            )
        )
    return tuple(applied)
