"""Measure, print the table, and write `latest.json`."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.databases import find_server, temporary_url
from benchmarks.targets import TARGETS, Target, chosen

LATEST = Path(__file__).parent / "latest.json"


def main() -> int:
    """Run the lanes that the chosen rows need; 2 where a lane broke down, 1 with `--strict` where a floor is
    missed, else 0.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or the temporary databases would stay behind
    parser = argparse.ArgumentParser(
        prog="bootstrap.py bench", description="Speed beside the database's own."
    )
    parser.add_argument("--only", default="", metavar="ID,…", help="these rows alone")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="how much is done: 1 some minutes, 0.05 about one"
    )
    parser.add_argument("--strict", action="store_true", help="end with 1 where a floor is missed")
    arguments = parser.parse_args()
    wanted = chosen(arguments.only)
    found, broken = {}, []
    for lane in dict.fromkeys(target.lane for target in wanted):
        rows, trouble = _run_lane(lane, arguments.only, arguments.scale)
        found |= rows
        if trouble:
            broken.append(f"The lane {lane} {trouble}; rows that it had not measured by then are missing.")
    results = [_result(target, found.get(target.id, {"note": "not measured"})) for target in wanted]
    LATEST.write_text(json.dumps(results, indent=1) + "\n")
    _print_table(wanted, results)
    missed = [row["id"] for row in results if row["ratio"] is not None and not row["holds"]]
    print(f"\nBelow the floor: {', '.join(missed)}" if missed else "\nEvery measured row reaches its floor.")
    for sentence in broken:
        print(sentence)
    return 2 if broken else int(bool(missed and arguments.strict))


def _run_lane(lane: str, only: str, scale: float) -> tuple[dict[str, dict], str]:
    """Measure in a process of its own; give the rows, and what became of the process if it broke down."""
    if lane == "postgresql" and (trouble := find_server()):
        note = {"note": f"not measured: {trouble}"}
        return {target.id: note for target in TARGETS if target.lane == lane}, ""
    trouble = ""
    print(f"{lane}:", file=sys.stderr, flush=True)
    with temporary_url(lane) as url, tempfile.NamedTemporaryFile(suffix=".json") as file:
        environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        arguments = ["-m", "benchmarks.lane", lane, "--only", only, "--scale", str(scale), "--out", file.name]
        try:
            done = subprocess.run([sys.executable, *arguments], env=environment, check=False, timeout=3600)
            trouble = f"ended with {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            trouble = "was stopped after an hour"
        text = Path(file.name).read_text()
    return {row["id"]: row for row in json.loads(text or "[]")}, trouble


def _result(target: Target, figure: dict) -> dict:
    floor, ambitious = target.bars()
    ratio = figure.get("ratio")
    return figure | {
        "id": target.id,
        "what": target.what,
        "ratio": ratio,
        "floor": floor,
        "ambitious": ambitious,
        "at_most": target.at_most,
        "holds": None if ratio is None else target.holds(ratio),
    }


def _print_table(targets: list[Target], results: list[dict]) -> None:
    print(f"\n{'row':12} {'what':68} {'ratio':>7} {'floor':>7} {'aim':>6}  product / reference")
    for target, row in zip(targets, results, strict=True):
        if row["ratio"] is None:
            print(f"{row['id']:12} {row['what']:68} {row.get('note', '')}")
            continue
        bars = [
            f"{'≤' if target.at_most else ''}{bar:g}" if bar is not None else ""
            for bar in (row["floor"], row["ambitious"])
        ]
        absolute = (
            f"{row['product']:,.6g} / {row['reference']:,.6g} {row['unit']}" if row.get("reference") else ""
        )
        mark = "" if row["holds"] else "  BELOW THE FLOOR"
        note = f"  ({row['note']})" if row.get("note") else ""
        figures = f"{row['ratio']:7.2f} {bars[0]:>7} {bars[1]:>6}  {absolute}"
        print(f"{row['id']:12} {row['what']:68} {figures}{mark}{note}")


if __name__ == "__main__":
    sys.exit(main())
