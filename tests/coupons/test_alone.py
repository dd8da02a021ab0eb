"""A shop may use coupons without loyalty: backstage, commerce and coupons are enough."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.once]

SETTINGS = """
SECRET_KEY = "a shop without a club"
INSTALLED_APPS = [
    "backstage.apps.BackstageConfig",
    "commerce.apps.CommerceConfig",
    "coupons.apps.CouponsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "shop.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
USE_TZ = True
"""
SHOP = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop_settings"
import django
django.setup()
from datetime import datetime, UTC
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
from commerce.policies.basket import Basket, BasketLine
from coupons.operations.coupons import create_coupon, set_code, switch_on_coupon
from coupons.operations.redemption import capture_coupons, reserve_coupons

at = datetime(2026, 3, 3, 12, tzinfo=UTC)
coupon = create_coupon(
    own={"name": "Beans", "time_zone": "Europe/Oslo", "starts_at": at, "is_endless": True, "is_public": True},
    terms={"kind": "percent", "percent": 20},
    at=at,
)
set_code(coupon_id=coupon.id, code="BEANS-20", at=at)
switch_on_coupon(coupon_id=coupon.id, at=at)
basket = Basket("web", "EUR", (BasketLine("1", 1000),))
print(reserve_coupons(basket, codes=["beans20"], reference="1", at=at).discount_minor)
print(capture_coupons(channel="web", reference="1", at=at).discount_minor)
from backstage.operations.check import check_ledger
print(len(check_ledger().findings), sorted(name for name in sys.modules if name.startswith("loyalty")))
"""


def test_coupons_run_on_backstage_and_commerce_alone(tmp_path):
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    (tmp_path / "shop.py").write_text(SHOP)
    ours = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(settings.BASE_DIR)])

    done = subprocess.run(
        [sys.executable, "shop.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["200", "200", "0 []"]
