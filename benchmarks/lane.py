"""One lane: the rows of one database, measured in a process whose settings point at it."""

import argparse
import gc
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

import django
from django.conf import settings
from django.core.management import call_command

from benchmarks.targets import chosen


def main() -> None:
    """Measure the chosen rows and write them down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lane", choices=["sqlite", "postgresql"])
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    django.setup()
    settings.DEBUG = False  # it would keep every query in memory
    call_command("migrate", verbosity=0)
    gc.freeze()  # as the command line, the worker and the web process do
    wanted = [target.id for target in chosen(arguments.only) if target.lane == arguments.lane]
    results = []
    for ids, measure in _rows(arguments.lane, arguments.scale, wanted):
        if set(ids) & set(wanted):
            started = time.perf_counter()
            results += _measure(ids, measure)
            print(
                f"  {', '.join(ids):40} {time.perf_counter() - started:6.1f} s", file=sys.stderr, flush=True
            )
            with open(arguments.out, "w") as file:
                json.dump(results, file)


def _rows(lane: str, scale: float, wanted: list[str]):
    # By its name: a lane imports models, and those can only be imported after `django.setup()`.
    return import_module(f"benchmarks.lane_{lane}").rows(scale, wanted)


def _measure(ids: tuple[str, ...], measure: Callable) -> list[dict]:
    try:
        figures = measure()
    except Exception as error:
        if type(error).__name__ != "NotMeasured":
            traceback.print_exc()
        return [{"id": row, "note": f"not measured: {error}"} for row in ids]
    if not isinstance(figures, tuple):
        figures = (figures,)
    return [{"id": row} | asdict(figure) for row, figure in zip(ids, figures, strict=True)]


if __name__ == "__main__":
    main()
