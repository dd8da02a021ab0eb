"""The members' pages in a real browser: for everybody, on a narrow phone, in the dark, without JavaScript."""

from datetime import timedelta
from shutil import which

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import sync_playwright

from loyalty.models import Entry
from loyalty.operations.members import accept_terms
from tests.factories.loyalty import MemberFactory, ProgrammeFactory, TermsVersionFactory
from tests.loyalty.member.conftest import Shop

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.once, pytest.mark.loopback]

CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), "chromium")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = [
    ("en", "light", 320),
    ("pl", "light", 320),
    ("nb", "light", 320),
    ("en", "dark", 360),
    ("pl", "light", 1280),
]
# WCAG 1.4.12: what a reader may set for themselves without losing anything.
SPACING = (
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } "
    "p { margin-bottom: 2em !important }"
)


@pytest.fixture
def pages(transactional_db, live_server, clock, django_user_model):
    """A signed-in member with something to tell on every page: its addresses, and the session's cookie."""
    user = django_user_model.objects.create_user("alice")
    programme = ProgrammeFactory(complete=True, name="Coffee Club", worth_points=100, worth_minor=50)
    alice = MemberFactory(programme=programme, customer__user=user, number="KM4K7Q2P9")
    terms = TermsVersionFactory(programme=programme, number=1)
    accept_terms(member_id=alice.id, terms_id=terms.id, at=clock.at)
    TermsVersionFactory(programme=programme, number=2)
    shop = Shop(alice)
    shop.buy("10100", clock.at - timedelta(days=370), 30000)
    shop.buy("10482", clock.at - timedelta(days=3))
    shop.buy("10483", clock.at - timedelta(days=2))
    shop.give(240, clock.at - timedelta(days=1), message="sorry the coffee was cold")
    shop.hold(100, clock.at, until=clock.at + timedelta(hours=1))
    entry = Entry.objects.order_by("id")[0]
    client = Client()
    client.force_login(user)
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }
    paths = ("", "history/", f"history/{entry.id}/", "card/", "how-it-works/", "leave/")
    return [f"{live_server.url}/club/{path}" for path in paths], cookie


@pytest.fixture
def browser(pages):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize(("language", "scheme", "width"), VIEWS)
def test_every_page_is_accessible_fits_the_screen_and_breaks_no_policy(
    pages, browser, language, scheme, width
):
    addresses, cookie = pages
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language
    )
    context.add_cookies([cookie])
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))

    for address in addresses:
        answer = page.goto(address)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")

        assert answer.status == 200
        assert page.locator("html").get_attribute("lang") == language
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
        assert too_wide <= 0, address

    assert complaints == []
    context.close()


def test_nothing_is_lost_when_readers_space_the_text_out(pages, browser):
    addresses, cookie = pages
    context = browser.new_context(viewport={"width": 320, "height": 800}, bypass_csp=True, locale="pl")
    context.add_cookies([cookie])
    page = context.new_page()

    for address in addresses:
        page.goto(address)
        page.add_style_tag(content=SPACING)

        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
    context.close()


def test_a_member_without_javascript_leaves_and_comes_back(pages, browser):
    addresses, cookie = pages
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([cookie])
    page = context.new_page()

    page.goto(addresses[0])
    page.get_by_role("link", name="Leave the club").click()
    page.get_by_role("button", name="Leave the club").click()
    left = page.locator(".loy-notice").inner_text()
    page.get_by_role("button", name="Come back").click()

    assert left.startswith("You have left the club.")
    assert page.get_by_role("link", name="Show card").is_visible()
    context.close()


def test_every_control_is_large_enough_for_a_thumb(pages, browser):
    addresses, cookie = pages
    context = browser.new_context(viewport={"width": 360, "height": 800})
    context.add_cookies([cookie])
    page = context.new_page()
    heights = {}

    for address in addresses:
        page.goto(address)
        for control in page.locator(".loy-btn, .loy-help a, .loy-back a").all():
            heights[control.inner_text()] = control.bounding_box()["height"]

    assert {name: height for name, height in heights.items() if height < 44} == {}
    context.close()
