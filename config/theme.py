"""How the admin looks in the stand-alone project, when Unfold is installed."""

from django.http import HttpRequest
from django.templatetags.static import static

SHADES = ("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950")
# The accent of the members' pages, from its lightest tint to its darkest shade.
ACCENT = (
    "#eefaf6", "#d5f2e8", "#aee5d2", "#8ad9c0", "#5fc9ab",
    "#2fa888", "#14765f", "#0d5c4a", "#0c4a3d", "#0a3d33", "#04231b",
)  # fmt: skip


def mark(_: HttpRequest) -> str:
    """Return the address of the brand's mark; Unfold asks when it draws a page, settings cannot know it."""
    return static("site/mark.svg")


UNFOLD = {
    "SITE_TITLE": "encore",
    "SITE_HEADER": "encore",
    "SITE_ICON": mark,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": mark}],
    "COLORS": {"primary": dict(zip(SHADES, ACCENT, strict=True))},
}
