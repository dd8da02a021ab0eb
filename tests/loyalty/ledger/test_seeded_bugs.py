"""Would the laws notice? Each test plants one bug in the product, and the random lives must stumble over it.

A machine that finds nothing proves nothing until it has been seen to find something. A bug may be noticed by
the comparison with the oracle, by a law of `check-ledger`, or by the database's own constraints.
"""

import heapq

import pytest
from django.db import DatabaseError

from loyalty.ledger import posting
from loyalty.policies import awarding, book
from loyalty.policies.book import MemberBook
from loyalty.policies.errors import LedgerRefusal, WriteConflict
from loyalty.policies.requests import ClawBack, corrections, holds
from loyalty.policies.standing import standing_points
from loyalty.policies.states import State
from tests.loyalty.ledger.test_laws import live

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def no_idempotency(monkeypatch):
    """Keys are not looked up."""
    monkeypatch.setattr(posting, "_standing_entries", lambda requests: {})


def other_content_is_a_replay(monkeypatch):
    """A key that is used again is answered with its entry, whatever is asked for."""
    monkeypatch.setattr(posting, "_check_same", lambda request, standing: None)


def release_twice(monkeypatch):
    """A release writes its movement twice."""
    release = MemberBook._release

    def twice(self, lot, moment):
        release(self, lot, moment)
        self.entries[-1].moves.append(self.entries[-1].moves[0])

    monkeypatch.setattr(MemberBook, "_release", twice)


def expire_held(monkeypatch):
    """Points that are reserved end with the rest of their lot."""
    expire = MemberBook._expire

    def with_the_held(self, lot, moment, **more):
        lot.available, lot.held = lot.available + lot.held, 0
        return expire(self, lot, moment, **more)

    monkeypatch.setattr(MemberBook, "_expire", with_the_held)


def refund_rounds_each(monkeypatch):
    """What a return takes back is rounded, and not what still stands after it."""

    def rounded(lines, earned, **more):
        taken = {
            line.key: earned.get(line.key, 0) * (line.returned_minor or 0) // line.sold_minor
            for line in lines
        }
        return {key: points - taken[key] for key, points in earned.items()}

    assert standing_points is awarding.standing_points
    monkeypatch.setattr(awarding, "standing_points", rounded)


def no_clawback(monkeypatch):
    """A return takes back from its own lots only, and forgets what is not there."""

    def only_its_own(self, book, at):
        draft = apply(self, book, at)
        book.debt -= draft.debt_change
        draft.debt_change = 0
        return draft

    apply = ClawBack.apply
    monkeypatch.setattr(ClawBack, "apply", only_its_own)


def negative_available(monkeypatch):
    """Nobody asks whether there are enough points."""
    for module in (corrections, holds):
        monkeypatch.setattr(module, "require_points", lambda book, points: book.spendable(points))


def revive_expired(monkeypatch):
    """Points that come back after their date get a fresh year."""
    reprieve = holds.reprieve_moment
    monkeypatch.setattr(holds, "reprieve_moment", lambda days, at, zone: reprieve(365, at, zone))


def debt_not_settled(monkeypatch):
    """Points become ready while some are owed, and stay so."""
    monkeypatch.setattr(MemberBook, "settle_debt", lambda self, draft, lots, at: None)


def release_out_of_order(monkeypatch):
    """What is due last is written first, so that the wrong lot pays a debt."""

    def latest(due):
        last = max(due)
        due.remove(last)
        heapq.heapify(due)
        return last

    monkeypatch.setattr(book, "heappop", latest)


def late_jobs_move_the_date(monkeypatch):
    """Time's moves are effective when they are written and not when they were due."""
    settle = MemberBook.settle

    def as_of_writing(self, at):
        before = len(self.entries)
        settle(self, at)
        for draft in self.entries[before:]:
            for move in draft.moves:
                move.effective_at = at

    monkeypatch.setattr(MemberBook, "settle", as_of_writing)


def spend_latest_first(monkeypatch):
    """Points that end last are spent first."""
    in_order = MemberBook.in_allocation_order
    monkeypatch.setattr(MemberBook, "in_allocation_order", lambda self, lots: in_order(self, lots)[::-1])


def return_from_others_first(monkeypatch):
    """A return takes from other purchases' points before its own."""

    def others_first(self, book, draft, terms_id, points, at):
        return book.take(draft, list(book.lots.values()), State.AVAILABLE, State.REVOKED, points, at)

    monkeypatch.setattr(ClawBack, "_take_own", others_first)


# The oracle and the laws speak by assertions; then the database, the writer's own count of rows, and a retry
# that is refused.
NOTICED = (AssertionError, DatabaseError, WriteConflict, LedgerRefusal)
BUGS = [
    no_idempotency,
    other_content_is_a_replay,
    release_twice,
    expire_held,
    refund_rounds_each,
    no_clawback,
    negative_available,
    revive_expired,
    debt_not_settled,
    release_out_of_order,
    late_jobs_move_the_date,
    spend_latest_first,
    return_from_others_first,
]


@pytest.mark.parametrize("plant", BUGS)
def test_a_planted_bug_is_noticed(plant, monkeypatch):
    plant(monkeypatch)

    with pytest.raises(NOTICED):
        live(lives=240, deeds=25)
