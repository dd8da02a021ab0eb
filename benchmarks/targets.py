"""What is measured and what is expected of it."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One row of the table. `at_most` rows are better when they are smaller; without bars a row only
    informs.
    """

    id: str
    what: str
    floor: float | None = None
    ambitious: float | None = None
    at_most: bool = False
    lane: str = "postgresql"
    needs_cores: bool = False

    def bars(self) -> tuple[float | None, float | None]:
        """Give floor and ambitious; rows that need four cores are scaled to those that are there."""
        share = min(os.cpu_count() or 1, 4) / 4 if self.needs_cores else 1
        return self.floor and self.floor * share, self.ambitious and self.ambitious * share

    def holds(self, ratio: float) -> bool:
        """Tell whether the floor is reached."""
        floor, _ = self.bars()
        if floor is None:
            return True
        return ratio <= floor if self.at_most else ratio >= floor


# Rows 1 to 3 follow the profile of the public function: docs/performance.md, "Where the time goes".
TARGETS = (
    Target("1", "award, 1 process / pgbench, 1 client", 0.12, 0.25),
    Target("1-cpu", "the same without waiting for the disk at commit"),
    Target("2", "award, 8 processes / pgbench, 8 clients", 0.11, 0.25),
    Target("2-cpu", "the same without waiting for the disk at commit"),
    Target("3", "award, portable statements, 1 process / pgbench, 1 client", 0.11, 0.20),
    Target("3-eight", "award, portable statements, 8 processes / pgbench, 8 clients", 0.11, 0.20),
    Target("4", "SQLite: award / raw sqlite3", 0.45, 0.60, lane="sqlite"),
    Target("5", "awards in batches of 1,000 / one statement of 100,000", 0.50, 0.70),
    Target("6", "hold, different members, 1 process / function in pgbench", 0.45, 0.80),
    Target("6-cpu", "the same without waiting for the disk at commit"),
    Target("7", "hold, different members, 8 processes / pgbench, 8 clients", 0.30, 0.50),
    Target("8", "hold, one member with 60,000 lots, 8 processes / pgbench", 0.50, 0.80),
    Target("8-errors", "errors in row 8", 0, 0, at_most=True),
    Target("9", "release, 1 worker, chunks of 5,000 / one statement", 0.70, 0.90),
    Target("10", "release, 4 workers, chunks of 10,000 / one statement", 1.5, 2.5, needs_cores=True),
    Target("11", "release, portable statements / one statement", 0.20, 0.30),
    Target("12", "release: account updates per member", 1.0, 1.0, at_most=True),
    Target("12-wal", "release: bytes of WAL / one statement's", 1.1, 1.1, at_most=True),
    Target("12-deadlocks", "release: deadlocks beside awards, holds and returns", 0, 0, at_most=True),
    Target("13", "expiry, 4 workers / one statement", 1.5, 2.2, needs_cores=True),
    Target("14", "balance page: time of its queries / one look-up by key", 8, 4, at_most=True),
    Target("14-queries", "balance page: queries", 6, 4, at_most=True),
    Target("14-heavy", "balance page: member with 10,000 movements / typical", 2, 1.5, at_most=True),
    Target("16", "codes: sorted COPY / INSERT … SELECT, the index live", 1.5, 2.5),
    Target("16-job", "the same, drawn and counted by the job, chunk by chunk", 0.5, 0.8),
    Target("code-lists", "lists of 1,000,000 codes / of 1,000, the slowest", 3, 1.5, at_most=True),
    Target("17", "coupon, 32 processes reserve one / one statement, 32 clients", 0.45, 0.70),
    Target("17-within", "the same in the caller's transaction, which holds the coupon until its commit"),
    Target("17-exact", "coupon: places sold too many or too few, of 500", 0, 0, at_most=True),
    Target("coupons", "basket of 20 lines, 5 codes: among 1,000 coupons / among 10", 1.5, 1.1, at_most=True),
    Target("coupons-queries", "basket of 20 lines, 5 codes: queries", 4, 3, at_most=True),
    Target("coupons-auto", "basket of 20 lines, no code: among 1,000 offers / 10"),
    Target("19", "SQLite: release, chunks of 5,000 / 4 set statements", 0.35, 0.45, lane="sqlite"),
    Target("tiers", "levels of 1,000,000 members: a day's run / one statement of plain sums", 0.20, 0.40),
    Target("tiers-first", "the same on the day on which everybody is placed"),
    Target("partner-month", "closing a month of 20 partners: time / one aggregate that sums it up"),
    Target("import", "import of a shop's book, awards included / COPY into bare tables"),
    Target("eligibility", "the top 6 % of 1,000,000 customers / the plain aggregate", 3, 2, at_most=True),
    Target("eligibility-invite", "choosing and inviting them / the plain aggregate", at_most=True),
    Target("portrait", "revenue curve and portrait / the plain aggregate", at_most=True),
)


def chosen(only: str) -> list[Target]:
    """Give the rows asked for; `12` means `12-wal` too."""
    if not only:
        return list(TARGETS)
    wanted = only.split(",")
    found = [target for target in TARGETS if target.id in wanted or target.id.partition("-")[0] in wanted]
    known = {target.id.partition("-")[0] for target in TARGETS} | {target.id for target in TARGETS}
    if unknown := sorted(set(wanted) - known):
        raise SystemExit(f"There is no row {', '.join(unknown)}. Choose from {', '.join(sorted(known))}.")
    return found
