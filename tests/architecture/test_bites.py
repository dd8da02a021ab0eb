"""The looks at the source find what they look for: a copy of the house breaks each rule once."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.architecture.house import APPS, ROOT

pytestmark = [pytest.mark.once, pytest.mark.slow]

TABLE = """
from django.conf import settings
from django.dispatch import receiver

class Planted(models.Model):
    total_minor = models.FloatField()
    happened = models.DateTimeField(auto_now=True)
    award = models.ForeignKey(Award, models.CASCADE, related_name="+")
    movement = models.ForeignKey("encore_loyalty.Movement", models.PROTECT, related_name="+")
    group = models.ForeignKey("auth.Group", models.PROTECT, related_name="+")
    who = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="planted")
    refused_by_kind = models.CharField(max_length=20)
    refused_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        db_table = "planted"
        constraints = [models.CheckConstraint(condition=Q(total_minor__gte=0), name="planted_total")]
        indexes = [models.Index(fields=["award", "happened"], name="planted_award")]

    def __str__(self):
        return str(self.award)

    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)
"""

# Files of the copy, and what is written at their end.
PLANTS = {
    "loyalty/models/award.py": TABLE,
    "loyalty/policies/planted.py": """
from datetime import datetime
from django.db import models
def guess(day): return datetime.now()
def note(day: str) -> str: return open(day).read()
""",
    "loyalty/queries/planted.py": '''
from django.db import connection, transaction
from loyalty.models import Lot, Programme
from backstage.clock import now

def find_points(lot_id: int) -> None:
    """Find. Warns: never. Raises: NoSuchError."""
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(id=lot_id)
        lot.save()
        Lot.objects.filter(id=lot_id).update(pending=0)
        Programme.objects.create(name="Planted")
        connection.cursor().execute(f"UPDATE {Lot._meta.db_table} SET pending = 0")
''',
    "loyalty/operations/planted.py": '''
from datetime import datetime
from django.conf import settings
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.template import Template
from celery import shared_task
from backstage.conf import declare
from backstage.policies import By
from commerce.events import purchases_synced
from backstage.registry import jobs

PLANTED = declare("PLANTED", str, default="", says="Nothing.")

def move_points(member_id: int, points: int, *, by: By = By("staff", "1")) -> None:
    """Move."""
    getattr(settings, "ENCORE")
    settings.PLANTED
    Template("{{ planted }}")
    datetime.now()
    purchases_synced.send(sender=None)
    planted_task.delay()

@receiver(post_save)
def hear(**kwargs: object) -> None:
    """Hear."""

@shared_task(name="planted")
def planted_task(*, name: str) -> None:
    """Do."""

def fill(door: object) -> None:
    """Fill."""
    jobs.register("planted", None)
''',
    "backstage/tasks.py": '''
@shared_task(name="encore.backstage.planted")
def planted(row, how: str) -> None:
    """Do much."""
    first = row
    second = first
    third = second
    run_job(name=third)
''',
    "commerce/events.py": "\npurchase_sync = Signal()\n",
    "loyalty/utils.py": '"""A drawer."""\n',
    "loyalty/templates/encore/loyalty/planted.html": '<p style="x">{{ planted|safe }}</p>',
    "loyalty/templates/planted_here.html": "{% planted %}",
    "loyalty/templatetags/planted.py": """
from django import template
register = template.Library()
""",
    "loyalty/views/pages.py": '\nPLANTED = "encore/loyalty/nowhere.html"\n',
    "backstage/operations/__init__.py": '\n__all__ = ["nothing"]\n',
    "loyalty/conf.py": '\nPLANTED = declare("planted", str, default=1, says="Nothing.")\n',
    "loyalty/registrations.py": """
jobs.register(
    "sow", Job(name="planted", every=timedelta(0), plan=plan_forfeiting, work=work_forfeiting, note="sows")
)
""",
}

# What a file planted beside the others cannot break, or what needs a database to show it.
OTHERWISE = {
    "test_every_app_of_ours_carries_the_prefix",
    "test_what_is_only_ever_added_to_knows_who_did_it_as_plain_values",
    "test_every_statement_that_writes_points_comes_from_the_ledger",
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory) -> set[str]:
    """The tests that fail in a house where every rule is broken."""
    copy = tmp_path_factory.mktemp("house")
    unasked = [f"test_{name}.py" for name in ("admin", "bites", "docs", "imports")]
    leave_out = shutil.ignore_patterns("__pycache__", *unasked)
    for folder in (*APPS, "config", "templates", "static", "tests", "benchmarks"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, code in PLANTS.items():
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(code)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/architecture",
        "-q",
        "-m",
        "once",
        "-p",
        "no:cacheprovider",
    ]
    place = {"ENCORE_VAR_DIR": str(copy / "var"), "DATABASE_URL": f"sqlite:///{copy}/db.sqlite3"}
    told = subprocess.run(
        command, cwd=copy, env=os.environ | place, capture_output=True, text=True, timeout=300, check=False
    )
    failed = re.findall(r"^FAILED \S+::(test_\w+)", told.stdout, flags=re.MULTILINE)
    assert failed, told.stdout + told.stderr
    return set(failed)


def rules() -> list[str]:
    files = ("models", "modules", "policies", "public_api", "tasks", "templates", "writes", "settings")
    text = "\n".join((ROOT / "tests" / "architecture" / f"test_{name}.py").read_text() for name in files)
    return [rule for rule in re.findall(r"^def (test_\w+)", text, re.MULTILINE) if rule not in OTHERWISE]


@pytest.mark.parametrize("rule", rules())
def test_a_rule_that_is_broken_says_so(failures, rule):
    assert rule in failures
