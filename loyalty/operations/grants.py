"""Points for purchases from before joining: never by themselves, only when the owner says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from backstage import clock
from backstage.operations import audit
from backstage.policies import By
from loyalty.models import Award, Member, Programme
from loyalty.operations.awards import settle_awards
from loyalty.policies.awarding import decide_target
from loyalty.policies.eligibility import Candidate, NoPoints, freeze_facts
from loyalty.policies.programme import MemberState
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.settlement import GRANTED
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.sales import get_sales

PURCHASES_PER_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class OlderPurchases:
    """What counting older purchases would give, or has given. Units: points; `worth_minor` in minor units."""

    purchases: int
    members: int
    points: int
    worth_minor: int


def preview_grant(*, programme_id: int, since: datetime, at: datetime | None = None) -> OlderPurchases:
    """Say what counting purchases since then would give to those who are members now. Nothing is written."""
    at = clock.now() if at is None else at
    rules = get_programme_rules(programme_id)
    found = [item for part in _parts(programme_id, since) for item in _quote(rules, part)]
    return _sum_up(programme_id, found, at)


def grant_older_purchases(
    *, programme_id: int, since: datetime, at: datetime | None = None, by: By
) -> OlderPurchases:
    """Count purchases since then that were placed before their customers joined.

    In transactions of 500 purchases; interrupted, it goes on where it stopped. Replay: what has been granted
    is not found again. Each purchase earns by the rules that ran when it was placed.
    """
    at = clock.now() if at is None else at
    rules = get_programme_rules(programme_id)
    found = []
    for part in list(_parts(programme_id, since)):
        with transaction.atomic():
            found += _quote(rules, part)
            _mark(part)
            settle_awards(purchase_ids=[award.purchase_id for award in part], at=at, by=by)
    result = _sum_up(programme_id, found, at)
    with transaction.atomic():
        audit.record(
            kind="older_purchases_granted",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            after={"since": since.isoformat(), "purchases": result.purchases, "points": result.points},
        )
    return result


def _parts(programme_id: int, since: datetime) -> Iterator[list[Award]]:
    ids = list(_older(programme_id, since).values_list("id", flat=True))
    for start in range(0, len(ids), PURCHASES_PER_TRANSACTION):
        part = Award.objects.filter(id__in=ids[start : start + PURCHASES_PER_TRANSACTION])
        yield list(part.select_related("purchase", "member").order_by("purchase_id"))


def _older(programme_id: int, since: datetime) -> QuerySet[Award]:
    return Award.objects.filter(
        programme_id=programme_id,
        reason=NoPoints.BEFORE_JOINING.value,
        member__isnull=False,
        purchase__placed_at__gte=since,
    ).order_by("purchase_id")


def _mark(awards: list[Award]) -> None:
    """Forget that these came too early, and make them due again."""
    for award in awards:
        award.facts = {GRANTED: True} | {
            member_id: facts
            for member_id, facts in award.facts.items()
            if facts != {"reason": NoPoints.BEFORE_JOINING.value}
        }
        award.applied_revision = 0
    Award.objects.bulk_update(awards, ["facts", "applied_revision"])


def _quote(rules: ProgrammeRules, awards: list[Award]) -> list[tuple[int, int]]:
    """Give member id and points for each purchase that would earn."""
    sales = get_sales([award.purchase for award in awards])
    quoted = [
        (
            member.id,
            decide_target(rules, _facts(rules, award, member), sales[award.purchase_id]).standing_points,
        )
        for award in awards
        if (member := award.member) is not None
    ]
    return [(member_id, points) for member_id, points in quoted if points]


def _facts(rules: ProgrammeRules, award: Award, member: Member) -> dict[str, Any]:
    candidate = Candidate(
        MemberState(member.state),
        member.joined_at,
        member.joined_by_request,
        member.joined_with,
        is_granted=True,
    )
    purchase = award.purchase
    return freeze_facts(
        rules, candidate, purchase_id=purchase.id, placed_at=purchase.placed_at, currency=purchase.currency
    )


def _sum_up(programme_id: int, quoted: list[tuple[int, int]], at: datetime) -> OlderPurchases:
    programme = Programme.objects.get(id=programme_id)
    points = sum(points for _, points in quoted)
    worth_minor = programme.worth_at(at).of(points)
    return OlderPurchases(len(quoted), len({member_id for member_id, _ in quoted}), points, worth_minor)
