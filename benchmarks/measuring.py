"""Windows of time, worker processes, and pgbench."""

import glob
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from django.db import connection

Deed = Callable[[], object]
WARM_UP = (
    20  # deeds before the window opens: connections, plans and caches as in a process that has run a while
)


class NotMeasured(Exception):
    """A row cannot be measured here; the text says why."""


@dataclass
class Figure:
    """What a row came to: the judged ratio, and the figures behind it."""

    ratio: float
    product: float | None = None
    reference: float | None = None
    unit: str = ""
    note: str = ""
    ratios: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Size:
    """How much is done. `scale` 1 takes some minutes, 0.05 about one."""

    scale: float

    @property
    def seconds(self) -> int:
        return max(1, round(3 * self.scale))

    @property
    def pairs(self) -> int:
        return 5 if self.scale >= 1 else 3 if self.scale >= 0.3 else 2

    def rows(self, number: int, least: int) -> int:
        return max(least, round(number * self.scale))


def in_pairs(reference: Callable[[], float], product: Callable[[], float], pairs: int, unit: str) -> Figure:
    """Time each window of the product between two of the reference; judge by the median ratio."""
    references, products, ratios = [reference()], [], []
    for _ in range(pairs):
        products.append(product())
        references.append(reference())
        print(
            f"    {references[-2]:,.0f} | {products[-1]:,.0f} | {references[-1]:,.0f} {unit}",
            file=sys.stderr,
            flush=True,
        )
        ratios.append(products[-1] / ((references[-2] + references[-1]) / 2))
    return Figure(median(ratios), median(products), median(references), unit, ratios=ratios)


def rate_of(count: int, work: Callable[[], object]) -> float:
    """Time one piece of work that does `count` things; give things per second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def in_processes(
    make_deed: Callable[[int], Deed], processes: int, seconds: float, most: int = 10**9
) -> tuple[float, int]:
    """Repeat a deed in so many processes at once, `most` times each; give deeds per second and how many
    failed.
    """
    connection.close()
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(processes), context.SimpleQueue()
    workers = [
        context.Process(
            target=_repeat, args=(make_deed, number, seconds, most, barrier, results), daemon=True
        )
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    told = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    if failure := next((text for _, _, text in told if text and not text.startswith("refused")), ""):
        raise NotMeasured(failure)
    return sum(rate for rate, _, _ in told), sum(errors for _, errors, _ in told)


def _repeat(
    make_deed: Callable[[int], Deed], number: int, seconds: float, most: int, barrier, results
) -> None:
    try:
        deed = make_deed(number)
        for _ in range(WARM_UP):
            deed()
    except Exception as error:
        barrier.abort()
        results.put((0.0, 0, f"{type(error).__name__}: {error}"))
        return
    try:
        barrier.wait(60)
    except Exception:
        results.put((0.0, 0, ""))
        return
    done, errors, text = 0, 0, ""
    started = time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds and done < most:
        try:
            deed()
            done += 1
        except Exception as error:
            errors += 1
            text = f"{type(error).__name__}: {error}"
            if errors > 100:
                break
    results.put((done / spent if spent else 0.0, errors, f"refused: {text}" if text else ""))


def find_pgbench() -> str:
    """Find pgbench on the path or where the distributions put it."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"), reverse=True)
    found = shutil.which("pgbench") or next(iter(installed), "")
    if not found:
        raise NotMeasured("pgbench is not installed; it comes with PostgreSQL's server or contrib package")
    return found


def pgbench(
    script: str, clients: int, seconds: int, variables: dict[str, int] | None = None, most: int = 0
) -> float:
    """Run one transaction over and over, prepared, `most` times per client; give transactions per second."""
    settings = connection.settings_dict
    environment = os.environ | {
        "PGHOST": settings["HOST"] or "127.0.0.1",
        "PGPORT": str(settings["PORT"] or 5432),
        "PGUSER": settings["USER"] or "postgres",
        "PGPASSWORD": settings["PASSWORD"] or "",
        "PGOPTIONS": os.environ.get("PGOPTIONS", ""),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        jobs = min(clients, os.cpu_count() or 1)
        arguments = ["-n", "-M", "prepared", "-c", clients, "-j", jobs, "-f", file.name]
        arguments += ["-t", most] if most else ["-T", seconds]
        for name, value in (variables or {}).items():
            arguments += ["-D", f"{name}={value}"]
        done = subprocess.run(
            [find_pgbench(), *map(str, arguments), settings["NAME"]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None:
        raise NotMeasured(f"pgbench failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(found.group(1))


def timed(deeds: Sequence[Deed], repeats: int = 200) -> float:
    """Give the median seconds of doing all these deeds once."""
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        for deed in deeds:
            deed()
        spent.append(time.perf_counter() - started)
    return median(spent)
