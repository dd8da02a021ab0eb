"""The laws of gift cards, asked of the database: what `check-ledger` asks about them."""

from datetime import timedelta
from functools import partial

from backstage.policies import Finding
from backstage.queries import Law
from backstage.registry import Invariant
from coupons.models import GiftCard, GiftCardHold, GiftCardMovement
from coupons.policies.gift_cards import COUNTERS, GIFT_CARD_MOVES, GiftCardMoney, GiftCardMove
from coupons.queries.gift_card_codes import list_keys, mark_of

# A nightly job may fail once before anybody is called.
JOBS_LATE = timedelta(hours=26)
MOST_FINDINGS = 100

_CARD, _HOLD, _MOVEMENT = (model._meta.db_table for model in (GiftCard, GiftCardHold, GiftCardMovement))


_law = partial(Law, book="gift_cards")


def _net(money: GiftCardMoney) -> str:
    """Sum what the movements `m` have put into a counter, less what they took out of it."""
    into = ", ".join(f"'{move.value}'" for move, (_, target) in GIFT_CARD_MOVES.items() if target is money)
    out = ", ".join(f"'{move.value}'" for move, (source, _) in GIFT_CARD_MOVES.items() if source is money)
    taken = f" WHEN m.move IN ({out}) THEN -m.amount_minor" if out else ""
    return f"COALESCE(SUM(CASE WHEN m.move IN ({into}) THEN m.amount_minor{taken} ELSE 0 END), 0)"


def _sum(*moves: GiftCardMove) -> str:
    names = ", ".join(f"'{move.value}'" for move in moves)
    return f"SUM(CASE WHEN m.move IN ({names}) THEN m.amount_minor ELSE 0 END)"


_REPLAYED = (
    f"SELECT c.id AS card_id, {', '.join(f'{_net(money)} AS {money.value}_minor' for money in COUNTERS)},"
    f" COALESCE({_sum(GiftCardMove.ISSUE)}, 0) AS issued_minor"
    f" FROM {_CARD} c LEFT JOIN {_MOVEMENT} m ON m.card_id = c.id GROUP BY c.id"
)
_DIFFER = " OR ".join(f"c.{money.value}_minor <> r.{money.value}_minor" for money in COUNTERS)
_OF_HOLDS = (
    f"SELECT m.hold_id, {_sum(GiftCardMove.HOLD)} - {_sum(GiftCardMove.RELEASE, GiftCardMove.USE)} AS open,"
    f" {_sum(GiftCardMove.USE)} AS used FROM {_MOVEMENT} m WHERE m.hold_id IS NOT NULL GROUP BY m.hold_id"
)

LAWS = (
    _law(
        "card_replays",
        "Do the movements of every gift card, replayed, lead to what its row says?",
        f"SELECT c.id, c.balance_minor, r.balance_minor AS replayed FROM {_CARD} c"
        f" JOIN ({_REPLAYED}) r ON r.card_id = c.id WHERE {_DIFFER}",
        "gift card %(id)s says that %(balance_minor)s is left; its movements say %(replayed)s,"
        " or differ elsewhere",
    ),
    _law(
        "card_was_issued_once",
        "Was every gift card issued once with its amount, and one that waits for approval not yet?",
        f"SELECT c.id, c.issued_minor, r.issued_minor AS posted FROM {_CARD} c"
        f" JOIN ({_REPLAYED}) r ON r.card_id = c.id"
        " WHERE r.issued_minor <> CASE WHEN c.state = 'waiting' THEN 0 ELSE c.issued_minor END",
        "gift card %(id)s is for %(issued_minor)s; %(posted)s was posted",
    ),
    _law(
        "card_conserves",
        "Is all that was issued with a gift card in exactly one place, and nothing below zero?",
        f"SELECT id, issued_minor, balance_minor FROM {_CARD} WHERE (state <> 'waiting'"
        f" AND issued_minor <> {' + '.join(f'{money.value}_minor' for money in COUNTERS)})"
        f" OR {' OR '.join(f'{money.value}_minor < 0' for money in COUNTERS)}",
        "gift card %(id)s was issued with %(issued_minor)s; with %(balance_minor)s left it does not add up",
    ),
    _law(
        "card_reserves_its_holds",
        "Is all that is reserved on gift cards part of an open reservation?",
        f"SELECT c.id, c.held_minor, COALESCE(h.minor, 0) AS reserved FROM {_CARD} c"
        f" LEFT JOIN (SELECT card_id, SUM(amount_minor) AS minor FROM {_HOLD} WHERE state = 'open'"
        " GROUP BY card_id) h ON h.card_id = c.id WHERE c.held_minor <> COALESCE(h.minor, 0)",
        "gift card %(id)s has %(held_minor)s reserved; the open reservations are for %(reserved)s",
    ),
    _law(
        "hold_replays",
        "Is every reservation of a gift card open with its amount, or closed whole by its movements?",
        f"SELECT h.id, h.state, h.amount_minor, COALESCE(m.open, 0) AS open_minor FROM {_HOLD} h"
        f" LEFT JOIN ({_OF_HOLDS}) m ON m.hold_id = h.id"
        " WHERE COALESCE(m.open, 0) <> CASE WHEN h.state = 'open' THEN h.amount_minor ELSE 0 END"
        " OR (h.state = 'captured') <> (COALESCE(m.used, 0) > 0) OR COALESCE(m.used, 0) > h.amount_minor",
        "reservation %(id)s of %(amount_minor)s is %(state)s; by its movements %(open_minor)s is open",
    ),
    _law(
        "movement_belongs",
        "Does every movement of a gift card name a reservation of the same card, where it names one?",
        f"SELECT m.id, m.card_id, h.card_id AS other_id FROM {_MOVEMENT} m JOIN {_HOLD} h ON h.id = m.hold_id"
        " WHERE h.card_id <> m.card_id",
        "movement %(id)s of gift card %(card_id)s names a reservation of gift card %(other_id)s",
    ),
    _law(
        "no_more_refunded_than_used",
        "Has no order given more back to a gift card than it took from it?",
        f"SELECT m.card_id, MIN(m.reference) AS reference, {_sum(GiftCardMove.USE)} AS used,"
        f" {_sum(GiftCardMove.REFUND)} AS refunded FROM {_MOVEMENT} m WHERE m.move IN ('use', 'refund')"
        f" GROUP BY m.card_id, m.channel, m.reference"
        f" HAVING {_sum(GiftCardMove.REFUND)} > {_sum(GiftCardMove.USE)}",
        "order %(reference)s took %(used)s from gift card %(card_id)s and gave %(refunded)s back",
    ),
    _law(
        "void_is_empty",
        "Is nothing left to spend on a gift card that is void?",
        f"SELECT id, balance_minor FROM {_CARD} WHERE state IN ('void', 'waiting') AND balance_minor <> 0",
        "gift card %(id)s may not be used and has %(balance_minor)s to spend",
    ),
    _law(
        "nothing_reserved_after_its_end",
        "Was nothing reserved on a gift card after its end?",
        f"SELECT m.id, m.card_id, m.effective_at FROM {_MOVEMENT} m JOIN {_CARD} c ON c.id = m.card_id"
        " WHERE m.move = 'hold' AND m.effective_at >= c.expires_at"
        " AND (c.reprieve_ends_at IS NULL OR m.effective_at >= c.reprieve_ends_at)",
        "movement %(id)s reserved money of gift card %(card_id)s at %(effective_at)s, after its end",
    ),
    _law(
        "expiry_is_on_time",
        "Has every gift card that ended more than a day ago been written off?",
        f"SELECT id, balance_minor, expires_at FROM {_CARD} WHERE balance_minor > 0"
        " AND CASE WHEN reprieve_ends_at > expires_at THEN reprieve_ends_at ELSE expires_at END < %s",
        "gift card %(id)s ended at %(expires_at)s and still has %(balance_minor)s",
        late_after=JOBS_LATE,
    ),
    _law(
        "reservations_time_out",
        "Has every reservation of a gift card that timed out more than a day ago been ended?",
        f"SELECT id, card_id, expires_at FROM {_HOLD} WHERE state = 'open' AND expires_at < %s",
        "reservation %(id)s of gift card %(card_id)s timed out at %(expires_at)s and is still open",
        late_after=JOBS_LATE,
    ),
)


def find_lost_keys() -> list[Finding]:
    """Return cards whose codes are kept under a secret that nobody has any more. Queries: 1."""
    known = [mark_of(key) for key in list_keys()]
    lost = GiftCard.objects.exclude(state="void").exclude(key_mark__in=known).order_by("id")
    return [
        Finding(
            "gift_cards.code_can_be_found",
            [card_id],
            f"the code of gift card {card_id} is kept under a secret that is no more: "
            "put the old secret into GIFT_CARD_KEY or SECRET_KEY_FALLBACKS",
        )
        for card_id in lost.values_list("id", flat=True)[:MOST_FINDINGS]
    ]


INVARIANTS = (
    *(law.invariant() for law in LAWS),
    Invariant(
        name="gift_cards.code_can_be_found",
        question="Can every gift card be found by its code with the secrets of today?",
        find=find_lost_keys,
    ),
)
