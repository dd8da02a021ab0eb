"""The verb `transfer`: files to outside programmes and from them."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.policies import SHOP
from backstage.policies.names import did_you_mean
from backstage.registry import Out, Verb
from loyalty.models import OutsideProgramme, ReceivedFile
from loyalty.operations.received_files import plan_rows, receive_file, work_rows
from loyalty.operations.transfer_files import make_transfer_file
from loyalty.policies.outside import FileKind, FileUnreadable
from loyalty.queries.outside import count_rows, list_faulty_rows, write_file

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
DEEDS = {"send": None, "answers": FileKind.ANSWERS, "take": FileKind.INCOMING}
SHOWN = 20


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "deed", choices=sorted(DEEDS), help="send: write today's file; answers, take: read a file"
    )
    parser.add_argument("outside", help="the key of the outside programme")
    parser.add_argument("file", help="the file to write or to read")
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of each row")


def _run(options: Mapping[str, Any], out: Out) -> int:
    outside = OutsideProgramme.objects.filter(key=options["outside"]).first()
    if outside is None:
        known = list(OutsideProgramme.objects.order_by("key").values_list("key", flat=True))
        out.error(
            f"There is no outside programme {options['outside']!r}. {did_you_mean(options['outside'], known)}"
        )
        return USAGE
    kind = DEEDS[options["deed"]]
    try:
        if kind is None:
            return _send(outside, Path(options["file"]), out)
        return _read(outside, kind, Path(options["file"]), out, is_dry_run=options["dry_run"])
    except (OSError, FileUnreadable) as error:
        out.error(str(error))
        return FAILED


def _send(outside: OutsideProgramme, path: Path, out: Out) -> int:
    with transaction.atomic():
        file = make_transfer_file(outside_id=outside.id, at=clock.now(), by=SHOP)
    if file is None:
        out.line("Nothing waits, so there is no file.")
    else:
        path.write_bytes(write_file(file))
        out.line(f"{file.rows:,} transfers of {file.units:,} {outside.unit} are in {path}.")
    out.json({"rows": file.rows if file else 0, "units": file.units if file else 0})
    return OK


def _read(outside: OutsideProgramme, kind: FileKind, path: Path, out: Out, *, is_dry_run: bool) -> int:
    file = receive_file(
        outside_id=outside.id,
        kind=kind,
        name=path.name,
        content=path.read_bytes(),
        is_dry_run=is_dry_run,
        at=clock.now(),
        by=SHOP,
    )
    with out.bar(label=path.name, total=file.rows, unit="rows") as bar:
        for chunk in plan_rows(clock.now(), file_id=file.id):
            with transaction.atomic():
                work_rows(chunk, clock.now(), 0)
            bar.advance(chunk.counted)
    return _tell(file, out)


def _tell(file: ReceivedFile, out: Out) -> int:
    tally = count_rows([file.id])[file.id]
    out.line(f"{tally.taken:,} rows taken, {tally.known:,} known already, {tally.faulty:,} not taken.")
    for row in list_faulty_rows(file.id)[:SHOWN]:
        out.line(f"  line {row.line}: {row.get_fault_display()}")
    if file.is_dry_run:
        out.line("Nothing was changed. Run it again without --dry-run.")
    counted = {"taken": tally.taken, "known": tally.known, "faulty": tally.faulty}
    out.json({**counted, "rows": tally.rows, "dry_run": file.is_dry_run})
    if not tally.faulty:
        return OK
    return PARTLY if tally.taken or tally.known else FAILED


TRANSFER = Verb(
    name="transfer",
    help="Write the file for an outside programme, or read its answers and the points that it sends.",
    add_arguments=_add_arguments,
    run=_run,
)
