"""Writing down which paid memberships time has ended. Nothing waits for it: the periods decide."""

from datetime import datetime

from backstage.policies import Chunk, Progress
from loyalty.locks import lock_accounts
from loyalty.models import MembershipPeriod
from loyalty.operations.plans.rows import write_down_ends
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.plans.memberships import held_from
from loyalty.queries.plans.renewals import memberships_over
from loyalty.queries.programmes import list_programme_rules

AT_ONCE = 500


def plan_renewing(at: datetime) -> list[Chunk]:
    """Find the paid memberships whose time is over and not written down, in ranges of ids. Queries: 1."""
    ids = list(memberships_over(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_renewing(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write down the ends of one range, in the runner's transaction. Locks: the accounts, in their order.

    What was renewed in between is left alone, because it is read again behind the locks.
    """
    over = memberships_over(at).filter(id__range=(chunk.lo, chunk.hi))
    lock_accounts(over.values_list("member_id", flat=True))
    return Progress(done=sum(_end_those_of(rules, chunk, at) for rules in list_programme_rules()))


def _end_those_of(rules: ProgrammeRules, chunk: Chunk, at: datetime) -> int:
    rows = (
        MembershipPeriod.objects.filter(
            membership__in=memberships_over(at),
            membership__id__range=(chunk.lo, chunk.hi),
            programme_id=rules.id,
        )
        .select_related("membership__plan")
        .order_by("membership_id", "number")
    )
    ended = held_from(rules, rows)
    write_down_ends(ended)
    return len(ended)
