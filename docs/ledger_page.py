"""Writes the parts of `docs/ledger.md` that only the code can know: `python docs/ledger_page.py`.

The states and moves come from `loyalty.policies.states`. The worked examples are lived: a shop in a database
of its own, the public operations, and the balance after each step. A test compares the page with what comes
out here, so neither can drift away from the other.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

PAGE = Path(__file__).parent / "ledger.md"

if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parent.parent))
    scratch = tempfile.TemporaryDirectory()
    os.environ["DATABASE_URL"] = f"sqlite:///{scratch.name}/examples.sqlite3"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

    import django

    django.setup()

from django.core.management import call_command  # noqa: E402 (Django has to be set up first)
from django.db import transaction  # noqa: E402

from backstage.policies import SHOP  # noqa: E402
from commerce.operations import open_channel, react, sync_purchase  # noqa: E402
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who  # noqa: E402
from loyalty.ledger import moves  # noqa: E402
from loyalty.models import Member  # noqa: E402
from loyalty.operations.programme import create_programme  # noqa: E402
from loyalty.policies.errors import LedgerRefusal  # noqa: E402
from loyalty.policies.states import MOVES, State  # noqa: E402
from loyalty.queries import get_balance  # noqa: E402

FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
PART = re.compile(r"(<!-- from the code: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def day(number: int) -> datetime:
    """Noon of the so manieth day after 2 March 2026."""
    return datetime.combine(FIRST_DAY + timedelta(days=number), time(12), UTC)


# States and moves


def draw_states() -> str:
    """Draw the allowed moves as a diagram that code hosts render."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for move in MOVES.values():
        for from_state in move.from_states:
            start = "[*]" if from_state is State.ISSUANCE else from_state.name.lower()
            lines.append(f"    {start} --> {move.to_state.name.lower()}: {move.kind.name.lower()}")
    return "\n".join([*lines, "```"])


def list_moves() -> str:
    """List the moves with who asks for them and what the member reads."""
    rows = ["| Move | From | To | Who asks | The member reads |", "|---|---|---|---|---|"]
    for kind, move in MOVES.items():
        start = " or ".join(state.name.lower() for state in move.from_states)
        end = move.to_state.name.lower()
        rows.append(f"| `{kind.name.lower()}` | {start} | {end} | {move.asked_by} | {move.member_reads} |")
    return "\n".join(rows)


# Worked examples


@dataclass
class Story:
    """One member's points, told step by step, with the balance after each."""

    rows: list[str] = field(default_factory=list)
    amounts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def member_id(self) -> int:
        return Member.objects.get().id

    def buy(self, on: int, order: str, **lines_minor: int) -> None:
        """Buy goods; each keyword is a line and what it cost."""
        self.amounts[order] = lines_minor
        self._tell(order, on, on, {})
        goods = " and ".join(f"{name} for {amount / 100:.2f}" for name, amount in lines_minor.items())
        self._note(on, f"buys {goods}, order {order}")

    def bring_back(self, on: int, order: str, bought_on: int, **returned_minor: int) -> None:
        """Bring goods back; each keyword is a line and what has been given back for it in all."""
        self._tell(order, bought_on, on, returned_minor)
        goods = " and ".join(f"{name}, {amount / 100:.2f} in all" for name, amount in returned_minor.items())
        self._note(on, f"gets money back for {goods}")

    def hold(self, on: int, points: int, *, until: int) -> int:
        """Reserve points; give the id of the reservation."""
        return self._try(
            on,
            f"reserves {points} until day {until}",
            lambda: moves.hold(
                member_id=self.member_id,
                points=points,
                key=f"hold:{on}",
                expires_at=day(until),
                at=day(on),
                by=SHOP,
            ),
        )

    def capture(self, on: int, hold_id: int) -> int:
        """Spend what is reserved; give the id of the entry."""
        return self._try(
            on,
            "spends what is reserved",
            lambda: moves.capture(
                member_id=self.member_id, hold_id=hold_id, key=f"capture:{on}", at=day(on), by=SHOP
            ),
        )

    def reinstate(self, on: int, capture_id: int, points: int) -> int:
        """Get spent points back."""
        return self._try(
            on,
            f"what {points} points paid for is cancelled",
            lambda: moves.reinstate(
                member_id=self.member_id,
                capture_id=capture_id,
                points=points,
                key=f"back:{on}",
                reason="cancelled",
                at=day(on),
                by=SHOP,
            ),
        )

    def wait(self, on: int, what: str) -> None:
        """Let time pass. No job runs in any of these examples."""
        self._note(on, what)

    def _try(self, on: int, what: str, move: Callable[[], moves.Posted]) -> int:
        try:
            with transaction.atomic():
                entry_id = move().entry_id
        except LedgerRefusal as refusal:
            self._note(on, f"{what}. Refused: {refusal}")
            return 0
        self._note(on, what)
        return entry_id

    def _tell(self, order: str, bought_on: int, on: int, returned_minor: dict[str, int]) -> None:
        lines = tuple(
            LineSnapshot(
                key=name,
                sku=name,
                name=name,
                quantity=1,
                sold_minor=amount,
                returned_minor=returned_minor.get(name),
            )
            for name, amount in self.amounts[order].items()
        )
        told = Snapshot(
            channel="web", reference=order, as_of=day(on), who=Who(external_id="alice"), currency="EUR",
            placed_at=day(bought_on), paid_at=day(bought_on), lines=lines,
        )  # fmt: skip
        purchase_id = sync_purchase(told, at=day(on)).purchase_id
        react([purchase_id] if purchase_id else [], at=day(on))

    def _note(self, on: int, what: str) -> None:
        balance = get_balance(member_id=self.member_id, at=day(on))
        numbers = (balance.pending, balance.available, balance.held, balance.debt)
        self.rows.append(f"| {on} | {what} | {' | '.join(map(str, numbers))} |")


def wait_and_expire(story: Story) -> None:
    """From purchase to ready to the end"""
    story.buy(0, "1001", beans=8400)
    story.wait(13, "waits")
    story.wait(14, "the return window is over")
    story.wait(378, "waits")
    story.wait(381, "twelve months after that, they have ended")


def return_in_parts(story: Story) -> None:
    """Small refunds add up to exactly what was earned"""
    story.buy(0, "1001", cups=999, beans=1250)
    story.bring_back(3, "1001", 0, cups=333)
    story.bring_back(5, "1001", 0, cups=666)
    story.bring_back(7, "1001", 0, cups=999)


def spend_and_return(story: Story) -> None:
    """Spent before the return: a debt that the next points fill"""
    story.buy(0, "1001", grinder=5000)
    story.hold(14, 600, until=15)
    story.capture(14, story.hold(14, 400, until=15))
    story.bring_back(16, "1001", 0, grinder=5000)
    story.buy(20, "1002", kettle=6000)
    story.wait(34, "the return window of order 1002 is over")


def reserve_and_time_out(story: Story) -> None:
    """A reservation that times out, and is confirmed all the same"""
    story.buy(0, "1001", grinder=5000)
    hold_id = story.hold(14, 300, until=15)
    story.wait(16, "the reservation has timed out")
    story.capture(17, hold_id)


def cancel_what_points_paid_for(story: Story) -> None:
    """Spent points come back to their own lots, with their own date"""
    story.buy(0, "1001", grinder=5000)
    capture_id = story.capture(20, story.hold(20, 500, until=21))
    story.reinstate(30, capture_id, 200)
    story.wait(381, "the date of those points has passed")
    story.reinstate(390, capture_id, 300)
    story.wait(404, "the last day of grace")
    story.wait(405, "it is over")


STORIES = (
    wait_and_expire,
    return_in_parts,
    spend_and_return,
    reserve_and_time_out,
    cancel_what_points_paid_for,
)


class TakenBack(Exception):
    """Ends the transaction of an example; the next one begins with an empty shop."""


def live(tell: Callable[[Story], None]) -> Story:
    """Live one example in a new shop, and take all of it back."""
    story = Story()
    try:
        with transaction.atomic():
            open_channel(key="web", name="Web", time_zone="UTC", currency="EUR", at=day(-1))
            create_programme(
                key="club", name="Club", currency="EUR", time_zone="UTC", live_from=day(-1), at=day(-1),
                settings={"enrolment": "automatic"}, rule={"points": 10, "per_minor": 100},
                terms={"window_days": 14, "expiry_at_month_end": False},
            )  # fmt: skip
            tell(story)
            raise TakenBack
    except TakenBack:
        return story


def tell_examples() -> str:
    """Live every example and write it down."""
    return "\n\n".join("\n".join(_example(tell)) for tell in STORIES)


def _example(tell: Callable[[Story], None]) -> Iterator[str]:
    yield f"### {tell.__doc__}\n"
    yield "| Day | Alice | on the way | ready | reserved | owed |"
    yield "|---:|---|---:|---:|---:|---:|"
    yield from live(tell).rows


PARTS: dict[str, Callable[[], str]] = {"states": draw_states, "moves": list_moves, "examples": tell_examples}


def write(page: str) -> str:
    """Return the page with every part as the code says it now."""

    def part(match: re.Match[str]) -> str:
        return f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[3]}"

    return PART.sub(part, page)


if __name__ == "__main__":
    call_command("migrate", interactive=False, verbosity=0)
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
