"""A member exchanges points on a page of her own, and is told what becomes of them."""

import pytest

from loyalty.models import Member, OutsideAccount, Transfer
from loyalty.operations.members import pause
from loyalty.operations.outside import end_outside, open_outside, set_outside_rate
from loyalty.operations.transfer_files import make_transfer_file
from loyalty.policies.outside import Direction
from tests.factories.loyalty import MemberFactory

pytestmark = pytest.mark.django_db
PAGE = "/club/exchange/"


@pytest.fixture
def miles(programme, clock):
    outside = open_outside(
        programme_id=programme.id,
        key="miles",
        name="Fjord Air",
        unit="miles",
        account_pattern="FA######",
        at=clock.at,
    )
    set_outside_rate(outside_id=outside.id, direction=Direction.OUT, points=500, units=200, at=clock.at)
    return outside


@pytest.fixture
def with_points(shop, clock):
    shop.give(1_200, clock.at)
    return shop


def text(answer) -> str:
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def link(client, miles, number="FA 123-456"):
    return client.post(f"{PAGE}{miles.id}/account/", {"number": number})


def ask(client, miles, points, key="k1"):
    return client.post(f"{PAGE}{miles.id}/", {"points": points, "key": key})


def test_without_anybody_to_exchange_with_the_page_says_nothing_of_it(her_client, with_points):
    assert "Exchange points" not in text(her_client.get("/club/"))
    assert "nobody to exchange points with" in text(her_client.get(PAGE))


def test_she_tells_her_account_exchanges_and_calls_off(her_client, miles, with_points, alice):
    assert "You can exchange your points with Fjord Air." in text(her_client.get("/club/"))
    assert "500 points give 200 (miles)." in text(her_client.get(PAGE))
    assert link(her_client, miles).status_code == 302
    for _ in range(2):
        assert ask(her_client, miles, 1_000).status_code == 302

    page = text(her_client.get(PAGE))
    assert "1,000 points for 400 (miles) with Fjord Air" in page
    assert "•••3456: goes out with the next file" in page
    home = text(her_client.get("/club/"))
    assert "1,000 points are on their way to another programme." in home
    assert "reserved for an order" not in home

    her_client.post(f"{PAGE}off/{Transfer.objects.get().id}/")
    assert "called off, your points came back" in text(her_client.get(PAGE))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("FA1", "does not look like an account number"),
        ("4111111111111111", "looks like a payment card"),
    ],
)
def test_a_number_that_is_none_is_refused_and_not_shown_again(her_client, miles, alice, number, said):
    answer = link(her_client, miles, number)

    assert (answer.status_code, said in text(answer), number in text(answer)) == (422, True, False)
    assert not OutsideAccount.objects.exists()


def test_an_account_of_somebody_else_is_refused(her_client, programme, miles, alice, clock):
    bob = MemberFactory(programme=programme)
    OutsideAccount.objects.create(outside=miles, member=bob, number="FA123456", created_at=clock.at)

    assert "Another member has this account" in text(link(her_client, miles))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ("600", "Write 500 or 1,000."),
        ("100", "Exchange at least 500 points."),
        ("nonsense", "Exchange at least 500 points."),
        ("5000", "You have 1,200 points."),
    ],
)
def test_what_cannot_be_exchanged_is_said_with_the_way_out(her_client, miles, with_points, points, said):
    link(her_client, miles)

    answer = ask(her_client, miles, points)

    assert (answer.status_code, said in text(answer)) == (422, True)
    assert not Transfer.objects.exists()


def test_whoever_is_paused_exchanges_nothing(her_client, miles, with_points, alice, clock):
    link(her_client, miles)
    pause(member_id=alice.id, at=clock.at)

    assert "cannot be exchanged at the moment" in text(ask(her_client, miles, 500))


def test_what_has_been_sent_cannot_be_called_off_and_others_are_not_hers(
    her_client, miles, with_points, alice, clock
):
    link(her_client, miles)
    ask(her_client, miles, 500)
    make_transfer_file(outside_id=miles.id, at=clock.at)

    assert "sent already" in text(her_client.post(f"{PAGE}off/{Transfer.objects.get().id}/"))
    assert her_client.post(f"{PAGE}off/9999/").status_code == 404
    assert ask(her_client, type("X", (), {"id": 9999}), 500).status_code == 404


def test_after_its_end_nothing_is_offered(her_client, miles, with_points, clock):
    end_outside(outside_id=miles.id, at=clock.at)

    assert "Exchange points" not in text(her_client.get("/club/"))
    assert link(her_client, miles).status_code == 404


def test_the_section_asks_the_database_nothing(her_client, miles, with_points, django_assert_max_num_queries):
    her_client.get("/club/")
    with django_assert_max_num_queries(10):  # 8 of the page, 2 of the session
        her_client.get("/club/")


def test_reading_the_page_changes_nothing_and_takes_few_questions(
    her_client, miles, with_points, django_assert_max_num_queries
):
    link(her_client, miles)
    ask(her_client, miles, 500)
    with django_assert_max_num_queries(10):
        assert her_client.get(PAGE).status_code == 200


def test_visitors_are_led_to_the_club(client, miles):
    assert client.get(PAGE).status_code == 302
    assert Member.objects.count() == 0
