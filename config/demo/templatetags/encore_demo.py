"""The bar that shows and moves the demo's clock."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from backstage import clock
from backstage.conf import DEMO_CLOCK
from config.demo.history import ZONE
from loyalty.queries import figures

register = template.Library()


@register.inclusion_tag("encore/demo/bar.html", takes_context=True)
def demo_bar(context: dict[str, Any]) -> dict[str, Any]:
    """Draw the bar in a demo, and nothing anywhere else."""
    if not DEMO_CLOCK.get():
        return {"is_demo": False}
    request = context.get("request")
    return {
        "is_demo": True,
        "today": clock.now().astimezone(ZONE).date(),
        "back": request.get_full_path() if request else "/",
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("encore/demo/doors.html", takes_context=True)
def demo_doors(context: dict[str, Any]) -> dict[str, Any]:
    """List the ways into a demo: one press signs in."""
    doors = [
        {
            "name": "member",
            "title": _("As a member"),
            "text": _("Anna's points: what is ready, on the way, ending"),
        },
        {
            "name": "owner",
            "title": _("As the owner"),
            "text": _("Members, purchases, problems, jobs, settings"),
        },
        {
            "name": "clerk",
            "title": _("As a clerk"),
            "text": _("Members and orders; gives up to 200 points a day"),
        },
    ]
    return {"is_demo": DEMO_CLOCK.get(), "doors": doors, "csrf_token": context.get("csrf_token")}


@register.filter
def euros(amount_minor: int) -> str:
    """Write a price of the demo's shop."""
    return figures.money(amount_minor, "EUR")
