"""Members' books, loaded from the tables: under locks for a write, without for a reading."""

from collections.abc import Collection, Iterable
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef

from loyalty.models import Hold, Lot, LotTerms, Member, Movement, PointsAccount
from loyalty.models.ledger import HoldState as HoldStates
from loyalty.policies.book import HoldState, LotState, MemberBook
from loyalty.policies.states import OPEN_STATES, State
from loyalty.policies.terms import Clock, ExpiryKind, Terms

_LOT_FIELDS = (
    "id",
    "earned_at",
    "pending",
    "available",
    "held",
    "redeemed",
    "expired",
    "revoked",
    "dated_at",
    "releases_at",
    "expires_at",
    "reprieved_until",
    "lapse_months",
    "waits_for",
    "stands_in_at",
    "terms_id",
    "source_kind",
    "source_id",
    "twin_of",
)


def load_books(accounts: Iterable[PointsAccount], *, with_lots: bool = True) -> dict[int, MemberBook]:
    """Load the books of these accounts: what is open, and what their programmes say about dates.

    `with_lots=False` leaves out lots and holds for members whose requests do not look at them; a member with
    lots that end by inactivity gets them all the same. Queries: 1 without lots; 3 to 5 with.
    """
    books = _empty_books({account.member_id: account for account in accounts})
    load = [book for book in books.values() if with_lots or book.has_lapsing_lots]
    if load:
        _add_lots({book.member_id: book for book in load})
        _add_holds({book.member_id: book for book in load})
    return books


def _empty_books(accounts: dict[int, PointsAccount]) -> dict[int, MemberBook]:
    lapsing = LotTerms.objects.filter(
        programme_id=OuterRef("programme_id"), expiry_kind=ExpiryKind.INACTIVITY.value
    )
    members = Member.objects.filter(id__in=accounts).annotate(has_lapsing_lots=Exists(lapsing))
    rows = members.values_list(
        "id", "programme__time_zone", "programme__reprieve_days", "merged_into_id", "has_lapsing_lots"
    )
    return {
        member_id: MemberBook(
            member_id,
            ZoneInfo(time_zone),
            debt=accounts[member_id].debt,
            active_at=accounts[member_id].active_at,
            has_lapsing_lots=has_lapsing_lots,
            reprieve_days=reprieve_days,
            merged_into=merged_into,
        )
        for member_id, time_zone, reprieve_days, merged_into, has_lapsing_lots in rows
    }


def _add_lots(books: dict[int, MemberBook]) -> None:
    """Add every lot that still has points pending, available or held."""
    by_state = [
        Lot.objects.filter(member_id__in=books, **{f"{state.name.lower()}__gt": 0}).order_by()
        for state in OPEN_STATES
    ]
    rows = (
        by_state[0]
        .values_list("member_id", *_LOT_FIELDS)
        .union(*(lots.values_list("member_id", *_LOT_FIELDS) for lots in by_state[1:]))
    )
    for member_id, *values in rows:
        lot = LotState(*values)
        books[member_id].lots[lot.id] = lot
    add_terms(books.values())


def add_terms(books: Collection[MemberBook]) -> None:
    """Give the books the terms of those lots whose dates are still to be worked out."""
    wanted = {lot.terms_id for book in books for lot in book.lots.values() if lot.terms_id and lot.waits_for}
    if wanted:
        terms = load_terms(wanted)
        for book in books:
            book.terms = terms


def load_terms(terms_ids: Collection[int]) -> dict[int, Terms]:
    """Read versions of window and expiry as plain values. Queries: 1."""
    return {row.id: terms_of(row) for row in LotTerms.objects.filter(id__in=terms_ids)}


def terms_of(row: LotTerms) -> Terms:
    """Turn a stored version into the value that policies work with."""
    return Terms(
        id=row.id,
        window_days=row.window_days,
        clock=Clock(row.clock),
        missing_fact_days=row.missing_fact_days,
        expiry_kind=ExpiryKind(row.expiry_kind),
        expiry_months=row.expiry_months,
        expiry_at_month_end=row.expiry_at_month_end,
        expiry_month=row.expiry_month,
        expiry_day=row.expiry_day,
    )


def load_lots(lot_ids: Collection[int]) -> dict[int, LotState]:
    """Read lots by id, closed ones too. Queries: 1."""
    return {row[0]: LotState(*row) for row in Lot.objects.filter(id__in=lot_ids).values_list(*_LOT_FIELDS)}


def _add_holds(books: dict[int, MemberBook]) -> None:
    holders = [book.member_id for book in books.values() if book.held]
    if not holders:
        return
    rows = Hold.objects.filter(member_id__in=holders, state=HoldStates.OPEN)
    for member_id, entry_id, points, expires_at, reference in rows.values_list(
        "member_id", "entry_id", "points", "expires_at", "reference"
    ):
        books[member_id].holds[entry_id] = HoldState(entry_id, points, expires_at, [], reference)
    _add_parts(books, {entry_id for book in books.values() for entry_id in book.holds})


def _add_parts(books: dict[int, MemberBook], entry_ids: set[int]) -> None:
    movements = Movement.objects.filter(member_id__in=books, entry_id__in=entry_ids, to_state=State.HELD)
    for member_id, entry_id, lot_id, points in movements.values_list(
        "member_id", "entry_id", "lot_id", "points"
    ):
        books[member_id].holds[entry_id].parts.append((lot_id, points))
