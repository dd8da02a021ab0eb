"""Settings of the stand-alone project, the same module for a first try and for production.

Everything that differs is read from the environment or from a file `.env` beside `manage.py`. With nothing
set, the site answers on this machine only, keeps its data under `var/`, and needs no server. Naming a host
in ALLOWED_HOSTS is what makes it a public site: then a secret key must be given, and pages and cookies
travel over HTTPS alone.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config import secret_key
from config.theme import UNFOLD  # noqa: F401 (a setting like those below, with its own page)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(env.str("ENCORE_ENV_FILE", default=str(BASE_DIR / ".env")))

VAR_DIR = Path(env.str("ENCORE_VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# Who may reach the site

LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=LOOPBACK_HOSTS)
IS_PUBLIC = not set(ALLOWED_HOSTS) <= set(LOOPBACK_HOSTS)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DEBUG: bool = env.bool("DEBUG", default=False)

SECRET_KEY: str = env.str("SECRET_KEY", default="")
if IS_PUBLIC and not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set, and ALLOWED_HOSTS names a public host. Set SECRET_KEY to a long random text "
        "and give every web and worker process the same one."
    )
SECRET_KEY = SECRET_KEY or secret_key.read_or_create(VAR_DIR / "secret-key")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])

SESSION_COOKIE_NAME = "encore_session"
CSRF_COOKIE_NAME = "encore_csrf"
LANGUAGE_COOKIE_NAME = "encore_language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_PUBLIC
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=IS_PUBLIC)
SECURE_HSTS_SECONDS: int = env.int("SECURE_HSTS_SECONDS", default=30 * 24 * 60 * 60 if IS_PUBLIC else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD: bool = env.bool("SECURE_HSTS_PRELOAD", default=False)
# Both would bind every other host under the shop's domain, a till on plain HTTP for one. The shop has to
# ask for it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if env.bool("BEHIND_TLS_PROXY", default=False):
    # Only for a proxy that removes this header from what visitors send; anyone could claim HTTPS otherwise.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# What is installed

# backstage comes first: it names a foreign package that hides one of ours before Django tries to import that.
INSTALLED_APPS = [
    "backstage.apps.BackstageConfig",
    "commerce.apps.CommerceConfig",
    "coupons.apps.CouponsConfig",
    "loyalty.apps.LoyaltyConfig",
    "config.demo.apps.DemoConfig",
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
    "config.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.norwegian",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
X_FRAME_OPTIONS = "DENY"
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
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ADMIN_PATH = "/admin/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Where the data lives

DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'encore.sqlite3'}"
if not DATABASE_URL.startswith(("postgres://", "postgresql://", "sqlite://")):
    raise ImproperlyConfigured(
        f"DATABASE_URL starts with {DATABASE_URL.partition(':')[0]!r}. The ledger runs on PostgreSQL "
        "(postgres://user:password@host:5432/name) and on SQLite (sqlite:////path/to/file)."
    )


def database(config: dict[str, Any]) -> dict[str, Any]:
    """Add what each engine needs to keep the ledger's promises and its speed."""
    if config["ENGINE"] == "django.db.backends.sqlite3":
        options: dict[str, Any] = {
            # A transaction that reads first and writes later would fail with "database is locked", whatever
            # the timeout. This one takes its turn at the start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        # Not in memory, where threads share one connection and meet no locks.
        config["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
    else:
        # Prepared statements save the planning of the ledger's long queries. A pooler in transaction mode
        # must know them (pgbouncer 1.21); before an older one set DATABASE_PREPARE_THRESHOLD=0, which means
        # never.
        threshold = env.int("DATABASE_PREPARE_THRESHOLD", default=5) or None
        options = {"server_side_binding": threshold is not None, "prepare_threshold": threshold}
        # Compiling a query takes longer than running it, for all but reports over whole years.
        options["options"] = "-c jit=off"
        # Connecting costs more than most requests.
        config["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
        config["CONN_HEALTH_CHECKS"] = True
    return {**config, "OPTIONS": options | config.get("OPTIONS", {})}


DATABASES = {"default": database(env.db_url_config(DATABASE_URL))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pl", "Polski"), ("nb", "Norsk bokmål")]  # each by its own name
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]  # the texts of `templates/` and `config/`; apps bring theirs
USE_I18N = True
TIME_ZONE = "UTC"  # of logs and of the admin; members read their programme's zone, coupons their own
USE_TZ = True

# Files

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
# A public site collects its files once and lets browsers keep them for ever; a first try serves them where
# they lie.
WHITENOISE_USE_FINDERS = not IS_PUBLIC
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if IS_PUBLIC
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# Work in the background

# A task that a killed worker had in hands goes back to the queue. Without the second line it would be lost
# all the same.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True  # the database keeps the outcome of every job
CELERY_RESULT_EXPIRES = None  # so there is nothing to clean up
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below speaks for the workers too
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL == "filesystem://":
    QUEUE_DIR = VAR_DIR / "queue"
    (QUEUE_DIR / "control").mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR / "control"),
    }

# The house's own settings, and what it says while it runs

ENCORE: dict[str, Any] = {
    "DEMO_CLOCK": env.bool("ENCORE_DEMO_CLOCK", default=False),
    "PLAN_CHECKOUT": "demo_plan" if env.bool("ENCORE_DEMO_CLOCK", default=False) else "",
    "THEME": "auto",  # as this site's own pages; a shop says what its pages are
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django's own handlers write mail and stand in the way of ours; what they would say reaches the root
    # logger.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
