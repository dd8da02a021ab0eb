"""The daily work on levels: everybody's is brought up to date, and who is about to lose one is told."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from backstage.plain_sql import execute
from backstage.policies import Chunk, Progress
from loyalty.locks import lock_accounts
from loyalty.models import Member, TierHolding, TierNotice
from loyalty.operations.tiers.settling import settle_levels
from loyalty.policies.calendar import end_of_day, local_date
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.periods import last_day, next_test, span_of_test
from loyalty.policies.tiers.scheme import LevelSource, Scheme, Window
from loyalty.policies.tiers.versions import begins_anew, scheme_of_test
from loyalty.queries.programmes import get_programme_rules, list_programme_rules
from loyalty.queries.tiers.sums import get_totals, list_to_change

MEMBERS_PER_CHUNK = 20_000
NOTICES_PER_CHUNK = 500
# In a smaller club everybody has their level as soon as levels are switched on; in a larger one within a day.
PLACED_AT_ONCE = 5_000


def plan_requalifying(at: datetime) -> list[Chunk]:
    """Cut the members of the programmes with levels into ranges of ids. Queries: 1 each, and 1."""
    return [chunk for rules in list_programme_rules() if rules.scheme_at(at) for chunk in _cut(rules.id)]


def work_requalifying(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Bring the levels of the members of one range up to date, in the runner's transaction.

    One statement finds those whose level has to change; only they are locked and looked at again.
    Locks: their
    accounts. Replay: what is up to date is left alone.
    """
    done = 0
    for rules in list_programme_rules():
        if scheme := rules.scheme_at(at):
            _date_tests(
                rules, scheme, _lasting(rules.id).filter(member_id__gte=chunk.lo, member_id__lte=chunk.hi)
            )
            done += _requalify(rules, scheme, chunk.lo, chunk.hi, at)
    return Progress(done=done)


def date_tests(*, programme_id: int, at: datetime) -> None:
    """Write down the day of every test that the levels which hold now bring, or move; see `dated`."""
    rules = get_programme_rules(programme_id)
    if scheme := rules.scheme_at(at):
        _date_tests(rules, scheme, _lasting(programme_id))


def _date_tests(rules: ProgrammeRules, scheme: Scheme, lasting: QuerySet[TierHolding, TierHolding]) -> None:
    """Do the same for some levels. Queries: 0 but after a break, or after levels that were never lost."""
    if scheme.window is Window.LIFETIME:
        return
    first_day = local_date(scheme.starts_at, rules.zone)
    if any(one.window is Window.LIFETIME for one in rules.schemes if one.starts_at < scheme.starts_at):
        lasting.filter(tests_on=None).update(tests_on=next_test(scheme.window, first_day))
    if begins_anew(rules.schemes, scheme):
        lasting.filter(tests_on__lt=first_day).update(tests_on=first_day)


def _lasting(programme_id: int) -> QuerySet[TierHolding, TierHolding]:
    return TierHolding.objects.filter(
        member__programme_id=programme_id, source=LevelSource.EARNED.value, ends_at=None
    )


def place_everybody(*, programme_id: int, at: datetime) -> bool:
    """Give the members of a small programme their levels at once; tell whether it was small enough.

    Locks: the accounts of those whose level changes.
    """
    rules = get_programme_rules(programme_id)
    chunks, scheme = _cut(programme_id), rules.scheme_at(at)
    if scheme is None or sum(chunk.counted for chunk in chunks) > PLACED_AT_ONCE:
        return False
    for chunk in chunks:
        _requalify(rules, scheme, chunk.lo, chunk.hi, at)
    return True


def _requalify(rules: ProgrammeRules, scheme: Scheme, lo: int, hi: int, at: datetime) -> int:
    today = local_date(at, rules.zone)
    member_ids = list_to_change(rules, scheme, lo=lo, hi=hi, today=today, at=at)
    if not member_ids:
        return 0
    lock_accounts(member_ids)
    return settle_levels(rules=rules, member_ids=member_ids, at=at)


def _cut(programme_id: int) -> list[Chunk]:
    rows = execute(
        "SELECT MIN(id), MAX(id), COUNT(*) FROM (SELECT id,"
        f" (ROW_NUMBER() OVER (ORDER BY id) - 1) / {MEMBERS_PER_CHUNK} AS part"
        f" FROM {Member._meta.db_table} WHERE programme_id = %s AND merged_into_id IS NULL) AS cut"
        " GROUP BY part ORDER BY MIN(id)",
        [programme_id],
    ).fetchall()
    return [Chunk(lo, hi, counted) for lo, hi, counted in rows]


# -- before a loss -------------------------------------------------------------------------------------------


def plan_warning(at: datetime) -> list[Chunk]:
    """Cut the members whose test is near, and who have not been told, into ranges. Queries: 1 each, and 1."""
    ids = {
        member_id
        for rules in list_programme_rules()
        if (scheme := rules.scheme_at(at))
        for member_id in _near(rules, scheme, at).values_list("member_id", flat=True)
    }
    ordered = sorted(ids)
    parts = [ordered[n : n + NOTICES_PER_CHUNK] for n in range(0, len(ordered), NOTICES_PER_CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_warning(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Tell the members of one range what they lack to keep their level, once for each level that is tested.

    Who lacks nothing today is looked at again tomorrow, until the test. Replay: who was told is not told
    again.
    """
    done = 0
    for rules in list_programme_rules():
        if scheme := rules.scheme_at(at):
            near = _near(rules, scheme, at).filter(member_id__gte=chunk.lo, member_id__lte=chunk.hi)
            done += _warn(rules, scheme, list(near.order_by("member_id")), at)
    return Progress(done=done)


def _near(rules: ProgrammeRules, scheme: Scheme, at: datetime) -> QuerySet[TierHolding, TierHolding]:
    today = local_date(at, rules.zone)
    # Later, the level is lost already and only has to be written down.
    grace_days = max(one.grace_days for one in rules.schemes)
    near = (today - timedelta(days=grace_days), today + timedelta(days=scheme.notice_days))
    return _lasting(rules.id).filter(notice=None, tests_on__range=near)


def _warn(rules: ProgrammeRules, scheme: Scheme, holdings: list[TierHolding], at: datetime) -> int:
    """Tell what is missing by the version that will decide the test, which may be one that is announced."""
    notices = []
    for decides, rows in _by_scheme(rules, scheme, holdings):
        spans = {
            row.member_id: span_of_test(decides, row.tests_on, rules.zone) for row in rows if row.tests_on
        }
        totals = get_totals(rules, decides, spans)
        for row in rows:
            tier = decides.find(row.level_id)
            missing = tier.threshold - totals[row.member_id] if tier else 0
            if missing > 0 and row.tests_on is not None:
                loses_at = end_of_day(last_day(decides, row.tests_on), rules.zone)
                if loses_at > at:
                    notices.append(TierNotice(holding=row, missing=missing, loses_at=loses_at, told_at=at))
    TierNotice.objects.bulk_create(notices, ignore_conflicts=True)
    return len(notices)


def _by_scheme(
    rules: ProgrammeRules, scheme: Scheme, holdings: list[TierHolding]
) -> list[tuple[Scheme, list[TierHolding]]]:
    """Part levels by the version that decides their test; where there is none, or none is lost, nobody is
    warned.
    """
    found: dict[int, tuple[Scheme, list[TierHolding]]] = {}
    for row in holdings:
        assert row.tests_on is not None  # noqa: S101 (`_near` asks for a day)
        decides = scheme_of_test(rules.schemes, row.tests_on, rules.zone)
        if decides is not None and Window.LIFETIME not in (decides.window, scheme.window):
            found.setdefault(decides.id, (decides, []))[1].append(row)
    return list(found.values())
