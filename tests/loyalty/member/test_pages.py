"""What members see and do on their pages."""

import gzip
import re
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Entry, Member, Programme
from loyalty.operations.members import accept_terms, leave, pause
from loyalty.operations.programme import change_state
from loyalty.policies.programme import ProgrammeState
from loyalty.registry import MemberPageSection, Visit, list_member_page_sections, member_page_sections
from tests.factories.commerce import CustomerFactory
from tests.factories.loyalty import ProgrammeFactory, TermsVersionFactory


def text_of(response) -> str:
    """Read a page as a person does: without tags, spaces folded."""
    body = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\xa0", " ").split())


# -- the balance --------------------------------------------------------------------------------------------


def test_the_balance_stands_first_with_its_worth_and_what_is_about_to_change(her_client, shop, clock):
    shop.buy("10100", clock.at - timedelta(days=370), 30000)
    shop.give(240, clock.at - timedelta(days=1))
    shop.buy("10482", clock.at - timedelta(days=3))

    page = text_of(her_client.get("/club/"))

    assert "Your points 3,240 points Show card Worth €16.20 off a later order" in page
    assert "3,000 points expire on March 31." in page
    assert "85 points are on their way. They are ready on March 14." in page


def test_points_that_end_much_later_are_no_news(her_client, shop, clock):
    shop.buy("10100", clock.at - timedelta(days=60))

    assert "expire" not in text_of(her_client.get("/club/"))


def test_further_dates_unfold_below_the_first(her_client, shop, clock):
    for number in range(3):
        shop.buy(f"1010{number}", clock.at - timedelta(days=number))

    page = text_of(her_client.get("/club/"))

    assert "They are ready on March 15. 2 more dates 85 points" in page


def test_reserved_points_are_told_apart_from_the_balance(her_client, shop, clock):
    shop.give(500, clock.at)
    shop.hold(350, clock.at, until=clock.at + timedelta(hours=1))

    page = text_of(her_client.get("/club/"))

    assert "150 points Show card" in page
    assert "350 points are reserved for an order." in page


def test_the_page_of_a_new_member_says_what_will_come(her_client, clock):
    page = text_of(her_client.get("/club/"))

    assert "0 points Show card" in page
    assert "Nothing yet. What you buy from now on shows up here, with its points." in page


def test_the_card_is_a_code_and_a_number_in_groups_of_three(her_client, clock):
    page = her_client.get("/club/card/")

    assert "Card number KM4 K7Q 2P9" in text_of(page)
    assert 'aria-label="QR code of card KM4 K7Q 2P9"' in page.content.decode()


def test_only_the_latest_rows_stand_on_the_page_and_the_rest_one_link_away(her_client, shop, clock):
    for number in range(25):
        shop.give(10, clock.at - timedelta(days=number))

    page = her_client.get("/club/")

    assert page.content.decode().count('class="loy-amount"') == 20
    assert "See everything" in text_of(page)


def test_the_history_goes_on_page_by_page(her_client, shop, clock):
    for number in range(25):
        shop.give(10, clock.at - timedelta(days=number))
    first = her_client.get("/club/history/")

    query = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1]
    second = her_client.get("/club/history/" + query)

    assert first.content.decode().count('class="loy-amount"') == 20
    assert second.content.decode().count('class="loy-amount"') == 5
    assert 'rel="next"' not in second.content.decode()


@pytest.mark.parametrize("before", ["yesterday", "2026-03-01T12:00:00", "9" * 400, "\x00"])
def test_a_page_of_the_history_that_cannot_be_is_not_found(her_client, clock, before):
    assert her_client.get("/club/history/", {"before": before}).status_code == 404


def test_every_row_that_is_written_down_can_be_asked_why(her_client, shop, clock):
    shop.buy("10482", clock.at - timedelta(days=1))
    entry_id = Entry.objects.get().id

    page = her_client.get("/club/")
    why = her_client.get(f"/club/history/{entry_id}/")

    assert f'href="/club/history/{entry_id}/"' in page.content.decode()
    assert "You bought for €8.50 March 2 · order 10482" in text_of(why)
    assert "€8.50 × 10 per €1.00 = 85." in text_of(why)


def test_nobody_may_ask_why_anothers_points_changed(client, shop, bob, clock, django_user_model):
    mallory = django_user_model.objects.create_user("mallory")
    bob.customer.user = mallory
    bob.customer.save()
    shop.give(50, clock.at)
    client.force_login(mallory)

    assert client.get(f"/club/history/{Entry.objects.get().id}/").status_code == 404


@pytest.mark.parametrize("orders", [1, 60])
def test_the_page_costs_the_same_however_long_the_history_is(her_client, shop, clock, orders):
    for number in range(orders):
        shop.buy(f"2{number:04}", clock.at - timedelta(days=300 - number))

    with CaptureQueriesContext(connection) as queries:
        her_client.get("/club/")

    # Session and user are the shop's own; six are the page's where no campaign runs and nothing is told.
    assert len(queries) == 2 + 6


def test_the_page_stays_within_its_budgets(her_client, shop, clock, settings):
    for number in range(60):
        shop.buy(f"2{number:04}", clock.at - timedelta(days=300 - number), 1000 + number)
    style = settings.BASE_DIR / "loyalty/static/encore/loyalty/loyalty.css"

    page = gzip.compress(her_client.get("/club/").content)

    assert len(page) < 10_000
    assert len(gzip.compress(style.read_bytes())) < 6_000
    assert b"<script" not in her_client.get("/club/").content


@pytest.mark.parametrize("path", ["", "history/", "card/", "how-it-works/", "leave/", "?programme=nothing"])
def test_no_cache_on_the_way_may_keep_what_a_member_sees(her_client, clock, path):
    response = her_client.get("/club/" + path)

    assert response.headers["Cache-Control"] == "private, no-store"


# -- rare states --------------------------------------------------------------------------------------------


def test_a_paused_member_is_told_and_shows_no_card(her_client, alice, clock):
    pause(member_id=alice.id, at=clock.at)

    page = text_of(her_client.get("/club/"))

    assert "Your account is paused. Ask the shop; your points are safe." in page
    assert "Card number" not in page


def test_who_owes_points_reads_why_and_what_happens_next(her_client, shop, clock):
    bought_at = clock.at - timedelta(days=30)
    shop.buy("10482", bought_at)
    hold = shop.hold(85, clock.at - timedelta(days=9), until=clock.at)
    shop.capture(hold.entry_id, clock.at - timedelta(days=9))
    shop.take_back("10482", clock.at - timedelta(days=1), placed_at=bought_at)

    page = text_of(her_client.get("/club/"))

    assert (
        "You have −85 points, because order 10482 came back after its points were used. "
        "Your next points fill this first." in page
    )
    assert "Your points −85 points" in page


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ProgrammeState.PAUSED, "The club is having a break: orders bring no points now. Yours are safe."),
        # One that was begun without a day; since then a day has to be said.
        (
            ProgrammeState.CLOSING,
            "The club is closing: orders bring no points any more. Use the ones you have.",
        ),
        (ProgrammeState.CLOSED, "The club has closed."),
    ],
)
def test_a_programme_that_stands_still_says_so(her_client, programme, clock, state, sentence):
    Programme.objects.update(state=state.value)

    assert sentence in text_of(her_client.get("/club/"))


def test_changed_terms_are_announced_and_can_be_agreed_to(her_client, alice, programme, clock):
    old = TermsVersionFactory(programme=programme, number=1)
    accept_terms(member_id=alice.id, terms_id=old.id, at=clock.at)
    new = TermsVersionFactory(programme=programme, number=2, text="Now <b>better</b>.")

    assert "The terms of the club have changed." in text_of(her_client.get("/club/"))
    assert "Now &lt;b&gt;better&lt;/b&gt;." in her_client.get("/club/how-it-works/").content.decode()
    her_client.post("/club/terms/", {"version": 2})

    alice.refresh_from_db()
    assert (alice.terms_id, alice.terms_accepted_at) == (new.id, clock.at)
    assert "The terms of the club have changed." not in text_of(her_client.get("/club/"))


def test_nobody_agrees_to_terms_that_they_have_not_seen(her_client, alice, programme, clock):
    TermsVersionFactory(programme=programme, number=2)

    response = her_client.post("/club/terms/", {"version": 1})

    alice.refresh_from_db()
    assert (response.status_code, response.url) == (302, "/club/how-it-works/")
    assert alice.terms_id is None


def test_only_the_gravest_notice_is_shown(her_client, alice, programme, clock):
    change_state(programme_id=programme.id, state=ProgrammeState.PAUSED, at=clock.at)
    pause(member_id=alice.id, at=clock.at)

    page = her_client.get("/club/").content.decode()

    assert page.count("loy-notice") == 1
    assert "Your account is paused." in page


# -- joining and leaving ------------------------------------------------------------------------------------


def test_a_visitor_reads_what_the_club_gives_with_an_example_and_how_to_get_in(client, programme, clock):
    page = client.get("/club/")

    assert text_of(page).count("Coffee Club") == 2
    assert "You get 10 points for every €1.00 that you spend." in text_of(page)
    assert "An order of €20.00 brings 200 points, worth €1.00." in text_of(page)
    assert 'href="/login/?next=%2Fclub%2F">Sign in to join' in page.content.decode()


def test_who_signs_in_can_join_with_one_press(client, programme, user, clock):
    client.force_login(user)

    page = client.get("/club/")
    response = client.post("/club/join/")

    member = Member.objects.get()
    assert "Join, it is free" in text_of(page)
    assert (response.status_code, response.url) == (302, "/club/")
    assert (member.customer.user_id, member.joined_at) == (user.id, clock.at)
    assert "0 points Show card" in text_of(client.get("/club/"))


def test_joining_twice_ends_with_one_membership(client, programme, user, clock):
    client.force_login(user)

    client.post("/club/join/")
    client.post("/club/join/")

    assert Member.objects.count() == 1


def test_joining_needs_a_tick_under_the_terms_where_there_are_some(client, programme, user, clock):
    terms = TermsVersionFactory(programme=programme, number=3)
    client.force_login(user)

    refused = client.post("/club/join/", {"version": 3})

    assert refused.status_code == 422
    assert "Tick the box to agree to the terms, then join." in text_of(refused)
    assert not Member.objects.exists()
    client.post("/club/join/", {"version": 3, "agreed": "on"})
    assert Member.objects.get().terms_id == terms.id


def test_joining_under_terms_that_have_changed_meanwhile_is_refused(client, programme, user, clock):
    TermsVersionFactory(programme=programme, number=3)
    client.force_login(user)

    refused = client.post("/club/join/", {"version": 2, "agreed": "on"})

    assert "The terms have changed in the meantime. Read them again, then agree." in text_of(refused)
    assert not Member.objects.exists()


def test_a_visitor_who_is_not_signed_in_cannot_join(client, programme, clock):
    response = client.post("/club/join/")

    assert (response.status_code, response.url) == (302, "/login/?next=%2Fclub%2F")
    assert not Member.objects.exists()


def test_a_club_that_takes_nobody_offers_no_joining(client, programme, user, clock):
    change_state(programme_id=programme.id, state=ProgrammeState.PAUSED, at=clock.at)
    client.force_login(user)

    page = text_of(client.get("/club/"))
    client.post("/club/join/")

    assert "The club takes no new members at the moment." in page
    assert "Join" not in page
    assert not Member.objects.exists()


@pytest.mark.parametrize("path", ["join/", "come-back/", "terms/"])
def test_what_changes_something_cannot_be_followed_as_a_link(her_client, clock, path):
    assert her_client.get("/club/" + path).status_code == 405


def test_leaving_says_first_what_would_be_lost(her_client, shop, alice, clock):
    shop.give(240, clock.at)
    shop.buy("10482", clock.at)

    page = text_of(her_client.get("/club/leave/"))

    alice.refresh_from_db()
    assert "You would lose 240 points, worth €1.20." in page
    assert "You would lose 85 points that are on their way." in page
    assert "You can undo this for 14 days." in page
    assert alice.state == "active"


def test_who_left_can_come_back_for_14_days(her_client, alice, clock):
    her_client.post("/club/leave/")
    page = text_of(her_client.get("/club/"))
    clock.advance(days=13)

    her_client.post("/club/come-back/")

    alice.refresh_from_db()
    assert "You have left the club. Until March 17 you can come back and keep your points. Come back" in page
    assert alice.state == "active"


def test_after_14_days_leaving_is_final(her_client, alice, clock):
    leave(member_id=alice.id, at=clock.at)
    clock.advance(days=14)

    her_client.post("/club/come-back/")

    alice.refresh_from_db()
    assert alice.state == "left"
    page = text_of(her_client.get("/club/"))
    assert "You have left the club, and your points have ended. To come back, ask the shop." in page
    assert "Come back" not in page


@pytest.mark.parametrize("path", ["history/", "card/", "leave/", "history/1/"])
def test_pages_for_members_lead_everybody_else_to_the_door(client, programme, clock, path):
    response = client.get("/club/" + path)

    assert (response.status_code, response.url) == (302, "/club/")


def test_an_erased_member_has_no_page_any_more(her_client, alice, clock):
    Member.objects.filter(id=alice.id).update(state="erased")

    assert "Show card" not in text_of(her_client.get("/club/"))


def test_a_login_whose_customer_was_merged_sees_the_membership_that_remains(client, user, bob, clock):
    CustomerFactory(user=user, merged_into=bob.customer, merged_at=clock.at)
    client.force_login(user)

    assert bob.number[:3] in text_of(client.get("/club/"))


# -- which programme ----------------------------------------------------------------------------------------


@pytest.fixture
def tea_club(alice):
    return ProgrammeFactory(complete=True, key="tea", name="Tea Club")


def test_with_two_programmes_the_address_must_say_which(her_client, tea_club, clock):
    response = her_client.get("/club/")

    assert response.status_code == 400
    assert "This shop has several clubs, and the address does not say which one is meant." in text_of(
        response
    )
    assert 'href="?programme=tea"' in response.content.decode()


def test_with_two_programmes_each_has_its_page_and_its_links_stay_there(her_client, tea_club, clock):
    page = her_client.get("/club/?programme=club").content.decode()

    assert "Show card" in page
    assert 'href="/club/how-it-works/?programme=club"' in page
    assert "Tea Club" in her_client.get("/club/?programme=tea").content.decode()


def test_joining_one_of_two_programmes_joins_that_one(her_client, tea_club, clock):
    her_client.post("/club/join/?programme=tea")

    assert Member.objects.get(programme=tea_club).customer.user.username == "alice"


def test_an_unknown_programme_is_not_found(her_client, clock):
    response = her_client.get("/club/?programme=nothing")

    assert response.status_code == 404
    assert "There is no club under this address." in text_of(response)


def test_before_the_first_programme_opens_there_is_nothing_to_see(client, db, clock):
    ProgrammeFactory(draft=True)

    response = client.get("/club/")

    assert response.status_code == 400
    assert "The club of this shop has not opened yet." in text_of(response)


def test_a_programme_for_staff_only_is_shown_to_staff_only(client, carol, db, clock):
    ProgrammeFactory(complete=True, name="Secret Club", state="staff_only")

    visitor = text_of(client.get("/club/"))
    client.force_login(carol)

    assert "Secret Club" not in visitor
    assert "Secret Club" in text_of(client.get("/club/"))


# -- in the shop's own house --------------------------------------------------------------------------------


def test_an_app_above_adds_a_section_at_its_place(her_client, alice, clock, monkeypatch):
    seen: list[Visit] = []

    def find(visit: Visit):
        seen.append(visit)
        return {"rows": [], "has_more": False}

    monkeypatch.setattr(member_page_sections, "_things", dict(member_page_sections._things))
    member_page_sections.register(
        "early",
        MemberPageSection(name="early", order=10, template="encore/loyalty/sections/history.html", find=find),
    )
    member_page_sections.register(
        "silent", MemberPageSection(name="silent", order=20, template="missing.html", find=lambda visit: None)
    )

    page = text_of(her_client.get("/club/"))

    assert [section.name for section in list_member_page_sections()] == [
        "early", "silent", "changes", "offers", "level", "plan", "ways", "exchange", "card", "history",
        "help",
    ]  # fmt: skip
    assert page.index("Nothing yet.") < page.index("Show this in the shop")
    assert (seen[0].member, seen[0].at) == (alice, clock.at)


def test_a_shop_chooses_theme_heading_level_and_base(her_client, clock, settings):
    settings.ENCORE = {"THEME": "host", "HEADING_LEVEL": 2, "BASE_TEMPLATE": "no/such/page.html"}

    page = her_client.get("/club/").content.decode()

    assert 'data-loy-theme="host"' in page
    assert "<h2>Your points</h2>" in page
    assert "<h3>Show this in the shop</h3>" in page
    assert "site-head" not in page


@pytest.mark.parametrize("wrong", [{"THEME": "blue"}, {"HEADING_LEVEL": 7}])
def test_a_setting_that_cannot_be_is_named_by_the_checks(db, settings, wrong):
    settings.ENCORE = wrong

    with pytest.raises(Exception, match=r"encore\.E003"):
        call_command("check")


def test_a_theme_that_cannot_be_does_not_render_as_another(her_client, clock, settings):
    settings.ENCORE = {"THEME": "blue"}

    with pytest.raises(ImproperlyConfigured, match="Choose one of light, dark, auto, host"):
        her_client.get("/club/")
