"""The smallest shop that can run encore: no admin, no worker, none of the extras."""

from pathlib import Path

SECRET_KEY = "a host of the tests"
INSTALLED_APPS = [
    "backstage.apps.BackstageConfig",
    "commerce.apps.CommerceConfig",
    "loyalty.apps.LoyaltyConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).parent / "shop.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
USE_TZ = True
