"""The tags for the shop's own pages: they speak only when there is something to say."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from loyalty.operations.members import pause
from loyalty.operations.programme import change_rule, change_state
from loyalty.policies.programme import ProgrammeState
from loyalty.queries.memberships import ProgrammeNotChosen
from loyalty.templatetags import encore_loyalty
from tests.factories.loyalty import ProgrammeFactory

GUEST = AnonymousUser()


def render(tag: str, **context) -> str:
    return Template("{% load encore_loyalty %}" + tag).render(Context(context)).replace("\xa0", " ")


def balance(user, extra: str = "") -> str:
    return render("{% loyalty_balance user " + extra + " %}", user=user)


def hint(user, amount=Decimal("3.50"), currency: str = "EUR", extra: str = "") -> str:
    tag = "{% loyalty_points_for amount currency " + extra + " %}"
    return render(tag, user=user, amount=amount, currency=currency)


def test_the_header_shows_the_balance_with_a_name_that_a_screen_reader_can_say(shop, user, clock):
    shop.give(1240, clock.at)

    assert balance(user) == '<a class="loy-snippet" href="/club/" aria-label="1,240 points">1,240</a>'


def test_the_header_shows_nothing_to_whoever_is_no_member(programme, user, clock):
    assert balance(GUEST) == ""
    assert balance(user) == ""


def test_a_price_says_what_it_would_earn(alice, user, clock):
    assert hint(user) == '<span class="loy-snippet">You get 35 points</span>'
    assert hint(GUEST) == '<span class="loy-snippet">35 points with the club</span>'


@pytest.mark.parametrize("amount", ["3.50", 3.5, Decimal("3.509"), "3.5"])
def test_a_price_may_be_written_in_several_ways_and_never_promises_too_much(programme, clock, amount):
    assert hint(GUEST, amount) == '<span class="loy-snippet">35 points with the club</span>'


@pytest.mark.parametrize("amount", ["", None, "free", "NaN", "Infinity", "0.05", 0, -5])
def test_what_is_no_price_or_earns_nothing_says_nothing(programme, clock, amount):
    assert hint(GUEST, amount) == ""


def test_a_currency_without_a_rate_says_nothing(programme, clock):
    assert hint(GUEST, currency="USD") == ""


def test_a_hint_follows_the_rule_that_runs_now(programme, clock):
    change_rule(programme_id=programme.id, points=20, at=clock.at)

    assert "70 points" in hint(GUEST)


def test_a_club_that_stands_still_promises_nothing(programme, clock):
    change_state(programme_id=programme.id, state=ProgrammeState.PAUSED, at=clock.at)
    clock.advance(seconds=1)

    assert hint(GUEST) == ""


def test_a_paused_member_is_promised_nothing(alice, user, clock):
    pause(member_id=alice.id, at=clock.at)

    assert hint(user) == ""


def test_snippets_cost_few_queries(shop, user, clock):
    shop.buy("10482", clock.at - timedelta(days=1))
    hint(user)

    with CaptureQueriesContext(connection) as of_hint:
        hint(user)
    with CaptureQueriesContext(connection) as of_balance:
        balance(user)

    # The savepoint of a request that has a transaction comes on top: two statements each.
    assert (len(of_hint) - 2, len(of_balance) - 2) == (2, 3)


def test_with_two_programmes_a_tag_must_say_which(shop, user, programme, clock):
    ProgrammeFactory(complete=True, key="tea")
    shop.give(50, clock.at)

    assert 'href="/club/?programme=club"' in balance(user, 'programme="club"')
    assert "35 points" in hint(GUEST, extra='programme="club"')
    with pytest.raises(
        ProgrammeNotChosen, match=r"There are several programmes\. Say programme= with one of: club, tea\."
    ):
        hint(GUEST)


def test_a_snippet_that_fails_leaves_the_shops_page_standing_and_says_so_in_the_log(
    alice, user, clock, monkeypatch, caplog
):
    def fail(**_):
        raise DatabaseError("gone")

    monkeypatch.setattr(encore_loyalty, "find_membership", fail)

    assert balance(user) == ""
    assert "loyalty_balance rendered nothing" in caplog.text
