"""The contracts of `.importlinter` hold, and each of them bites: a copy of the house breaks every one."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.architecture.house import APPS, ROOT

pytestmark = pytest.mark.once

LINT = "from importlinter.cli import lint_imports_command as lint; lint()"

# contract: what is planted to break it, as files and their code
PLANTS = {
    "apps": [
        ("commerce/queries/planted_app.py", "import loyalty.queries.balance\n"),
        ("backstage/operations/planted_app.py", "from commerce import registry\n"),
        ("loyalty/operations/planted_app.py", "import config.celery\n"),
    ],
    "side_by_side": [
        ("coupons/policies/planted_side.py", "from loyalty.policies import earning\n"),
        ("loyalty/policies/planted_side.py", "from coupons.policies import states\n"),
    ],
    "anatomy": [
        ("commerce/queries/planted_layer.py", "from commerce.operations import sync\n"),
        ("loyalty/operations/planted_layer.py", "from loyalty import views\n"),
        ("backstage/models/planted_layer.py", "from backstage import queries\n"),
        ("loyalty/helpers.py", ""),
    ],
    "policies": [
        ("loyalty/policies/planted_orm.py", "from django.db import models\n"),
        ("loyalty/policies/planted_clock.py", "from backstage import clock\n"),
        ("commerce/policies/planted_table.py", "from backstage.models import JobRun\n"),
    ],
    "models": [("loyalty/models/planted_question.py", "from commerce.queries import customers\n")],
    "queries": [
        ("loyalty/queries/planted_lock.py", "from commerce.locks import lock_purchases\n"),
        ("loyalty/queries/planted_change.py", "from backstage.operations import audit\n"),
    ],
    "operations": [("loyalty/operations/planted_edge.py", "from commerce.importers import run\n")],
    "locks": [("loyalty/management/planted_lock.py", "from commerce import locks\n")],
    "ledger": [("loyalty/management/planted_move.py", "from loyalty.ledger import moves\n")],
    "writer": [("loyalty/operations/planted_write.py", "from loyalty.ledger.writer import write\n")],
    "tables_backstage": [("commerce/operations/planted_run.py", "from backstage.models import JobRun\n")],
    "tables_commerce": [("config/planted_rows.py", "from commerce.models import Purchase\n")],
    "tables_coupons": [("config/planted_codes.py", "from coupons.models import Code\n")],
    "tables_loyalty": [("config/planted_lots.py", "from loyalty.models import Lot\n")],
    "unfold": [("commerce/operations/planted_theme.py", "import unfold.admin\n")],
    "circles": [
        ("loyalty/queries/planted_hen.py", "from loyalty.queries import planted_egg\n"),
        ("loyalty/queries/planted_egg.py", "from loyalty.queries import planted_hen\n"),
    ],
}


def contracts() -> dict[str, str]:
    """Return the names of all contracts by their keys, in the order of the file."""
    file = ConfigParser()
    file.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): file[section]["name"]
        for section in file.sections()
        if section.startswith(prefix)
    }


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> str:
    """What import-linter says of a copy of the house in which every contract is broken."""
    copy = tmp_path_factory.mktemp("house")
    for package in (*APPS, "config"):
        shutil.copytree(ROOT / package, copy / package, ignore=leave_data_out)
    shutil.copy(ROOT / ".importlinter", copy)
    for path, code in (plant for plants in PLANTS.values() for plant in plants):
        (copy / path).write_text(f'"""Planted."""\n{code}', encoding="utf-8")
    told = lint(copy)
    assert told.returncode == 1, told.stdout + told.stderr
    return told.stdout


def leave_data_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()]


def reports(output: str) -> dict[str, str]:
    """Cut the report into what it says of each broken contract, by the contract's name."""
    names = "|".join(map(re.escape, contracts().values()))
    parts = re.split(rf"^({names})\n-+\n", output.partition("Broken contracts")[2], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_house_keeps_every_contract():
    told = lint(ROOT)

    assert f"Contracts: {len(contracts())} kept, 0 broken." in told.stdout
    assert told.returncode == 0


def test_every_contract_is_broken_on_purpose_here():
    assert PLANTS.keys() == contracts().keys()


@pytest.mark.parametrize(
    ("contract", "path"),
    [(contract, path) for contract, plants in PLANTS.items() for path, _ in plants],
    ids=lambda text: text,
)
def test_a_contract_names_the_import_that_breaks_it(broken, contract, path):
    planted = path.removesuffix(".py").replace("/", ".")

    said = reports(broken).get(contracts()[contract], "")

    assert planted in said or planted.rpartition(".")[2] in said, said
