"""What the developer of a shop decides about the pages that members see."""

from django.core.exceptions import ImproperlyConfigured

from backstage.conf import declare

THEMES = ("light", "dark", "auto", "host")
HEADING_LEVELS = (1, 2, 3, 4, 5)

THEME = declare(
    "THEME",
    str,
    default="light",
    says=(
        "how the member pages look: light, dark, auto (as the visitor's device), or host (dark where the "
        "shop's page has class dark, data-theme=dark or data-bs-theme=dark)"
    ),
)
BASE_TEMPLATE = declare(
    "BASE_TEMPLATE",
    str,
    default="base.html",
    says="which template of the shop the member pages extend; they fill its blocks `title` and `content`",
)
HEADING_LEVEL = declare(
    "HEADING_LEVEL",
    int,
    default=1,
    says="the level of the member pages' title: 2 where the shop's own page has the first",
)
PLAN_CHECKOUT = declare(
    "PLAN_CHECKOUT",
    str,
    default="",
    says=(
        "the name of the shop's address at which a plan is paid for, called with the plan's id; without one "
        "the member page says to ask in the shop"
    ),
)
TRANSFER_HOLD_DAYS = declare(
    "TRANSFER_HOLD_DAYS",
    int,
    default=30,
    says="for how many days points that a member exchanges wait for the outside programme's answer",
)


def theme() -> str:
    """Return the theme that holds now. Raises: ImproperlyConfigured for one that does not exist."""
    value = THEME.get()
    if value not in THEMES:
        raise ImproperlyConfigured(f"ENCORE['THEME'] is {value!r}. Choose one of {', '.join(THEMES)}.")
    return value


def heading_level() -> int:
    """Return the level of the pages' title; their sections are one below. Raises: ImproperlyConfigured."""
    value = HEADING_LEVEL.get()
    if value not in HEADING_LEVELS:
        raise ImproperlyConfigured(f"ENCORE['HEADING_LEVEL'] is {value}. Choose a level from 1 to 5.")
    return value
