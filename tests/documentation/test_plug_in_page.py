"""The page `docs/plug-in.md`, followed to the letter: a fresh Django project, its blocks, its commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.once]

PAGE = Path(settings.BASE_DIR) / "docs" / "plug-in.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (shop/\w+\.py)(, at the end)?\n")

VISIT = """
import os
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()

from django.contrib.auth import get_user_model
from django.template import engines
from django.test import Client

from loyalty.models import Member
from shop.at_once import tell_encore_at_once
from shop.questions import points_ready, points_that_a_refund_takes

alice = get_user_model().objects.create_user("alice")
now = datetime.now(UTC)
line = SimpleNamespace(
    id=1, sku="GRINDER", name="Coffee grinder", quantity=1, total_minor=12500, returned_quantity=0
)
order = SimpleNamespace(
    number="10482", changed_at=now, placed_at=now, paid_at=now, user_id=alice.pk, email="alice@example.org",
    currency="EUR", status="paid", lines=[line],
)
tell_encore_at_once(order)
member = Member.objects.get()
print(points_ready(member.pk), "ready")

from commerce.models import Purchase

print(points_that_a_refund_takes(Purchase.objects.get().pk, "1", 12500), "would go back")
client = Client(headers={"host": "localhost"})
client.force_login(alice)
page = client.get("/club/")
print(page.status_code, "12" in page.content.decode())
snippets = engines["django"].from_string(open("snippets.html").read())
shown = snippets.render({"user": alice, "product": SimpleNamespace(price="125.00")})
print(*re.sub("<.*?>", " ", shown).split())
"""


def run(*command: str, cwd: Path) -> str:
    """Run in the new shop; our packages are found in this checkout, as if they were installed."""
    ours = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": os.pathsep.join([str(cwd), str(settings.BASE_DIR)])}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A new Django project with every block of the page in its file, and every command of the page run."""
    folder = tmp_path_factory.mktemp("plugged-in")
    run("-m", "django", "startproject", "shop", str(folder), cwd=folder)
    commands = []
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            name, at_the_end = FILE_NAME.match(text).groups()
            before = (folder / name).read_text() if at_the_end else ""
            (folder / name).write_text(before + text)
        elif language == "html":
            (folder / "snippets.html").write_text(text)
        elif language == "sh":
            commands += [line.split()[1:] for line in text.splitlines()]
    for command in commands:
        run(*command, cwd=folder)
    return folder


def test_a_purchase_told_as_the_page_says_is_on_the_members_page(shop):
    (shop / "visit.py").write_text(VISIT)

    assert run("visit.py", cwd=shop).splitlines() == [
        "0 ready",
        "12 would go back",
        "200 True",
        "0 125.00 You get 12 points",
    ]


def test_the_shops_beat_knows_every_job(shop):
    known = "from shop.celery import app; app.loader.import_default_modules(); app.finalize(); "

    names = run("-c", f"{known}print(*sorted(app.conf.beat_schedule), sep='\\n')", cwd=shop).split()

    assert names == [
        "encore.check_ledger",
        "encore.close_partner_months",
        "encore.close_programmes",
        "encore.expire_due_points",
        "encore.forfeit_left_members",
        "encore.forget_empty_runs",
        "encore.grant_occasion_points",
        "encore.make_transfer_files",
        "encore.read_transfer_files",
        "encore.release_due_points",
        "encore.renew_memberships",
        "encore.requalify_tiers",
        "encore.send_invitations",
        "encore.settle_purchases",
        "encore.take_up_settings",
        "encore.take_up_stale_runs",
        "encore.void_stale_holds",
        "encore.warn_tier_loss",
        "encore.wind_up_programmes",
    ]
