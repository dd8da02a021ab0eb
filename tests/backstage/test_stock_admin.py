"""Without Unfold the same pages stand in Django's own admin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
from config.settings import *

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "unfold"]
"""

VISIT = """
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from backstage import clock
from backstage.models import AuditRecord
from backstage.operations.jobs import run_job

setup_test_environment()
call_command("migrate", verbosity=0)
run = run_job(name="check_ledger", at=clock.now())
AuditRecord.objects.bulk_create(
    AuditRecord(at=clock.now(), by_kind="staff", kind="job_paused", object_kind="n", object_id=str(number))
    for number in range(101)
)
client = Client()
client.force_login(get_user_model().objects.create_superuser("owner"))
log = client.get("/admin/encore_backstage/auditrecord/")
print(log.status_code, len(log.context["cl"].result_list), "unfold" in log.content.decode())
further = client.get("/admin/encore_backstage/auditrecord/" + log.context["cl"].next_link)
print(further.status_code, len(further.context["cl"].result_list))
page = client.get(f"/admin/encore_backstage/jobrun/{run.pk}/change/").content.decode()
print("check_ledger</h1>" in page, page.count("<h1"))
print(client.get("/admin/encore_backstage/approval/").status_code)
"""


@pytest.mark.slow
@pytest.mark.once
def test_every_page_stands_without_unfold(tmp_path):
    (tmp_path / "stock_settings.py").write_text(SETTINGS)
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'stock.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "stock_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]),
    }

    answer = subprocess.run(
        [sys.executable, "-c", VISIT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert answer.stdout.splitlines() == ["200 100 False", "200 1", "True 1", "200"], answer.stderr[-2000:]
