"""The owner's pages in a real browser, over a shop with something to show on each of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from shutil import which

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import sync_playwright

from config.demo.build import Size, build

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.once, pytest.mark.loopback]

CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), "chromium")
TODAY = datetime(2026, 6, 15, 9, tzinfo=UTC)
SMALL = Size(buyers=40, days=40, orders_a_day=4.0, seed=7)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE = ({"width": 360, "height": 800}, "light", {"runOnly": RULES})
# In the dark only the colours differ.
DESK = ({"width": 1280, "height": 900}, "dark", {"runOnly": {"type": "rule", "values": ["color-contrast"]}})


@pytest.fixture
def owner(transactional_db, clock):
    """The owner of the demo's shop, signed in."""
    clock.move_to(TODAY)
    with override_settings(ENCORE={**settings.ENCORE, "DEMO_CLOCK": True}):
        build(SMALL, on_day=lambda day: None)
    client = Client()
    client.force_login(get_user_model().objects.get(username="owner"))
    return client


def list_addresses(client: Client) -> Iterator[str]:
    """Give the list of each of our models, its form, and the page and form of the newest row."""
    yield reverse("admin:index")
    yield reverse("admin:encore_loyalty_invitationlist_who")
    for model in sorted(site._registry, key=lambda model: model._meta.label):
        opts = model._meta
        if not opts.app_label.startswith("encore_"):
            continue
        newest = model._default_manager.order_by("-pk").values_list("pk", flat=True)[:1]
        names = [("changelist", []), ("add", [])]
        names += [(name, [pk]) for pk in newest for name in ("change", "edit")]
        for name, arguments in names:
            try:
                address = reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=arguments)
            except NoReverseMatch:
                continue
            # Who may not add, and what has ended, has no form.
            if client.get(address).status_code == 200:
                yield address


def test_every_page_of_the_owner_is_accessible_fits_a_phone_and_is_read_in_the_dark(owner, live_server):
    addresses = list(list_addresses(owner))
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": owner.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for viewport, scheme, options in (PHONE, DESK):
            context = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en")
            context.add_cookies([cookie])
            page = context.new_page()
            page.on("pageerror", lambda error: found.append(("script", str(error))))
            for address in addresses:
                page.goto(live_server.url + address)
                for rule in Axe().run(page, options=options).response["violations"]:
                    found.append((address, rule["id"], rule["nodes"][0]["html"][:120]))
                if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                    found.append((address, "scrolls sideways", str(viewport["width"])))
            context.close()
        browser.close()

    assert len(addresses) > 80
    assert found == []
