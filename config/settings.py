"""Settings of the stand-alone project, the same module for a first try and for production.

Everything that differs is read from the environment or from a file `.env` beside `manage.py`. With nothing set, the
site answers on this machine only, keeps its data under `var/`, and needs no server. Naming a host in ALLOWED_HOSTS is
what makes it a public site: then a secret key must be given and cookies travel over HTTPS alone.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("ENCORE_VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- Who may reach the site --------------------------------------------------------------------------------------

LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=LOOPBACK_HOSTS)
IS_PUBLIC = not set(ALLOWED_HOSTS) <= set(LOOPBACK_HOSTS)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if IS_PUBLIC and not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set, and ALLOWED_HOSTS names a public host. Set SECRET_KEY to a long random text and give "
        "every web and worker process the same one."
    )
SECRET_KEY = SECRET_KEY or secret_key.read_or_create(VAR_DIR / "secret-key")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- What is installed -------------------------------------------------------------------------------------------

# backstage is first: it names a foreign package that hides one of ours before Django tries to import it.
HOUSE = ["backstage.apps.BackstageConfig", "commerce.apps.CommerceConfig", "loyalty.apps.LoyaltyConfig"]
INSTALLED_APPS = [
    *(app for app in HOUSE if find_spec(app.partition(".")[0])),
    *(["unfold"] if find_spec("unfold") else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Where the data lives ----------------------------------------------------------------------------------------


def database(url_config: dict[str, Any]) -> dict[str, Any]:
    """Add what each engine needs to keep the ledger's promises."""
    if url_config["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE: a deferred transaction that reads and then writes fails with "database is locked" at once,
        # whatever the timeout.
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        # Not in memory, where threads share one connection and meet no locks.
        url_config["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
    else:
        options = {"server_side_binding": True, "prepare_threshold": 5}
        url_config["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
        url_config["CONN_HEALTH_CHECKS"] = True
    url_config["OPTIONS"] = options | url_config.get("OPTIONS", {})
    return url_config


DATABASES = {"default": database(env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'encore.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Language and time -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pl", "Polski"), ("nb", "Norsk bokmål")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- Files -------------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- Work in the background --------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
