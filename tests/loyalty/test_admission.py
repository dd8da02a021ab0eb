"""Joining by invitation: who is let in, who is not, and why."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from loyalty.models import Award, Invitation, InvitationGuest, Member
from loyalty.operations import admission, members
from loyalty.operations.admission import NotLetIn
from loyalty.operations.awards import settle_awards
from loyalty.operations.invitation_lists import (
    end_invitation_list,
    pause_invitation_list,
    switch_on_invitation_list,
)
from loyalty.operations.invitations import withdraw_invitation
from loyalty.operations.members import CannotJoin, enrol, leave
from loyalty.operations.programme import change_settings
from loyalty.policies.invitations import Standing
from loyalty.queries.invitation_links import token_of
from loyalty.queries.invitations import list_funnels
from tests.factories.loyalty import (
    LONG_AGO,
    InvitationFactory,
    InvitationGuestFactory,
    InvitationListFactory,
    MemberFactory,
    ProgrammeFactory,
)
from tests.loyalty.invitations import at_once, invitation, invite, invite_only, spend, spenders, tell_only
from tests.loyalty.shop import NOON, OPENED, customer, day, open_shop, points

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return invite_only()


@pytest.fixture
def running(programme):
    """Alice is invited, bob is not."""
    spend("alice")
    spend("bob", 100)
    return invite(programme, spenders())


@pytest.fixture
def books_are_right(db, clock):
    clock.move_to(day(60))
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def come(name, programme, *, token="", at=None):
    return enrol(
        customer_id=customer(name).id,
        programme_id=programme.id,
        token=token,
        at=at or day(1),
    )


def refused(name, programme, **facts):
    with pytest.raises(NotLetIn) as refusal:
        come(name, programme, **facts)
    assert not Member.objects.filter(customer=customer(name)).exists()
    return refusal.value


# -- who is let in -------------------------------------------------------------------------------------------


def test_who_is_invited_joins_with_the_link_and_it_is_noted(programme, running, books_are_right):
    enrolled = come("alice", programme, token=token_of(invitation("alice").id))

    assert enrolled.is_new
    assert (invitation("alice").member_id, invitation("alice").joined_at) == (enrolled.member_id, day(1))


def test_who_is_invited_and_known_joins_without_the_link_as_well(programme, running, books_are_right):
    enrolled = come("alice", programme)

    assert invitation("alice").member_id == enrolled.member_id


def test_who_is_not_invited_is_refused_with_the_reason(programme, running):
    refusal = refused("bob", programme)

    assert isinstance(refusal, CannotJoin)
    assert refusal.standing is None
    assert str(refusal) == (
        "The programme takes only customers who are invited, and this one is not. Invite them first."
    )


def test_a_link_that_was_passed_on_is_refused_and_stays_good_for_whom_it_was_made(programme, running):
    token = token_of(invitation("alice").id)

    assert refused("bob", programme, token=token).is_someone_elses

    assert come("alice", programme, token=token).is_new


def test_an_invented_link_lets_nobody_in(programme, running):
    assert refused("bob", programme, token="1.x").standing is None


def test_the_link_of_another_programme_lets_nobody_in(programme, running):
    other = ProgrammeFactory(complete=True, key="other", admission="by_invitation")

    assert refused("alice", other, token=token_of(invitation("alice").id), at=day(1)).standing is None


def test_an_invitation_ends_with_its_last_day(programme, running):
    last = invitation("alice").expires_at

    for token in ("", token_of(invitation("alice").id)):
        refused("alice", programme, token=token, at=last)

    assert come("alice", programme, at=last - timedelta(microseconds=1)).is_new


@pytest.mark.parametrize(
    ("prepare", "standing"),
    [
        (lambda running: pause_invitation_list(list_id=running.id, at=day(1)), Standing.PAUSED),
        (lambda running: end_invitation_list(list_id=running.id, at=day(1)), Standing.ENDED),
        (
            lambda running: withdraw_invitation(invitation_id=invitation("alice").id, at=day(1)),
            Standing.WITHDRAWN,
        ),
    ],
)
def test_what_does_not_stand_open_says_how_it_stands(programme, running, prepare, standing):
    prepare(running)

    assert refused("alice", programme, token=token_of(invitation("alice").id)).standing is standing
    assert refused("alice", programme).standing is None


def test_a_paused_list_that_goes_on_lets_them_in_again(programme, running):
    pause_invitation_list(list_id=running.id, at=day(1))
    switch_on_invitation_list(list_id=running.id, at=day(2))

    assert come("alice", programme, at=day(2)).is_new


def test_who_was_merged_after_the_invitation_joins_as_the_survivor(programme, running, books_are_right):
    alice = customer("alice")
    merge_customers(source=alice.pk, target=customer("bob").pk, at=day(1), by=SHOP)

    enrolled = come("bob", programme, token=token_of(invitation("alice").id), at=day(2))

    assert Member.objects.get(id=enrolled.member_id).customer_id != alice.pk
    assert Invitation.objects.get().member_id == enrolled.member_id


def test_who_left_comes_back_without_another_invitation(programme, running):
    member = come("alice", programme)
    leave(member_id=member.member_id, at=day(2))

    again = come("alice", programme, at=day(90))

    assert (again.is_new, again.member_id) == (False, member.member_id)


def test_joining_twice_with_a_link_changes_nothing(programme, running):
    token = token_of(invitation("alice").id)
    first = come("alice", programme, token=token)

    again = come("alice", programme, token=token, at=day(5))

    assert (again.member_id, again.is_new) == (first.member_id, False)
    assert invitation("alice").joined_at == day(1)


def test_an_open_programme_lets_everybody_in_and_still_notes_who_was_invited(books_are_right):
    programme = open_shop()
    spend("alice")
    spend("bob", 100)
    running = invite(programme, spenders())

    come("bob", programme)
    come("alice", programme)

    funnel = list_funnels(list_ids=[running.id], at=day(1))[running.id]
    assert (funnel.invited, funnel.joined) == (1, 1)
    assert Member.objects.count() == 2


# -- guests --------------------------------------------------------------------------------------------------


@pytest.fixture
def with_two_guests(programme):
    """Alice may pass her link on to two others."""
    spend("alice")
    for name in ("bob", "carol", "dave"):
        spend(name, 100)
    invite(programme, spenders(), guests=2)
    return token_of(invitation("alice").id)


def test_a_link_that_may_be_passed_on_lets_so_many_in_and_whom_it_was_made_for(
    programme, with_two_guests, books_are_right
):
    for name in ("bob", "carol"):
        assert come(name, programme, token=with_two_guests).is_new

    assert refused("dave", programme, token=with_two_guests).standing is Standing.USED
    assert come("alice", programme, token=with_two_guests).is_new
    assert (InvitationGuest.objects.count(), invitation("alice").guests_joined) == (2, 2)


def test_guests_come_also_after_whom_it_was_made_for(programme, with_two_guests):
    come("alice", programme)

    assert come("bob", programme, token=with_two_guests).is_new


# -- by a purchase -------------------------------------------------------------------------------------------


@pytest.fixture
def automatic():
    return invite_only(enrolment="automatic")


def test_a_purchase_enrols_only_those_whose_invitation_stood_open(automatic, books_are_right):
    spend("alice")
    spend("bob", 100)
    invite(automatic, spenders())
    assert not Member.objects.exists()

    for name in ("alice", "bob"):
        spend(name, 1000, at=day(1), number=2)

    member = Member.objects.get()
    assert (member.customer_id, member.joined_at) == (customer("alice").id, day(1))
    assert (invitation("alice").member_id, invitation("alice").joined_at) == (member.id, day(1))
    assert points(member, day(1))[1] == 100
    assert list(Award.objects.order_by("id").values_list("reason", flat=True)) == [
        "not_member",
        "not_member",
        "",
        "not_member",
    ]


def test_only_a_purchase_while_it_stood_open_enrols_though_an_older_one_comes_with_it(automatic):
    spend("alice")
    invite(automatic, spenders())
    told = [tell_only("early", "alice", at=day(-3)), tell_only("later", "alice", at=day(3))]

    settle_awards(purchase_ids=told, at=day(4))

    assert Member.objects.get().joined_at == day(3)


def test_purchases_ask_of_invitations_once_for_all_and_not_at_all_where_everybody_may_join():
    programme = open_shop(enrolment="automatic")

    def asked(who, count):
        change_settings(programme_id=programme.id, admission=who, at=OPENED)
        names = [f"{who}-{count}-{nth}" for nth in range(count)]
        told = [tell_only(name, name, at=NOON) for name in names]
        with CaptureQueriesContext(connection) as found:
            settle_awards(purchase_ids=told, at=NOON)
        return sum("encore_loyalty_invitation" in query["sql"] for query in found.captured_queries)

    assert (asked("open", 1), asked("open", 5)) == (0, 0)
    assert (asked("by_invitation", 1), asked("by_invitation", 5)) == (1, 1)


def test_many_are_enrolled_by_their_purchases_with_as_many_statements_as_few(automatic):
    def asked(count):
        names = [f"c{count}-{nth}" for nth in range(count)]
        for name in names:
            spend(name)
        invite(automatic, spenders(key=f"s{count}"), name=f"{count}")
        told = [tell_only(f"{name}-again", name, at=day(1)) for name in names]
        with CaptureQueriesContext(connection) as found:
            settle_awards(purchase_ids=told, at=day(1))
        assert Member.objects.filter(joined_at=day(1)).count() >= count
        return len(found)

    asked(2)
    assert asked(3) == asked(12)


# -- together ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_link_used_in_many_tabs_at_once_makes_one_member(programme, running):
    token = token_of(invitation("alice").id)

    came = at_once(6, lambda number: come("alice", programme, token=token).member_id)

    assert len(set(came)) == Member.objects.count() == 1
    assert invitation("alice").member_id == came[0]


def come_or_not(programme, token, name):
    try:
        return come(name, programme, token=token).is_new
    except NotLetIn as refusal:
        return refusal.standing
    except IntegrityError:
        return "refused by the database"


@pytest.mark.django_db(transaction=True)
def test_of_many_guests_at_once_as_many_come_in_as_may(programme):
    token = open_for_guests(programme, 1)

    came = at_once(4, lambda number: come_or_not(programme, token, f"guest{number}"))

    assert sorted(map(str, came)) == ["True", "used", "used", "used"]
    assert (Member.objects.count(), InvitationGuest.objects.count()) == (1, 1)


def open_for_guests(programme, guests):
    spend("alice")
    for number in range(4):
        spend(f"guest{number}", 100)
    invite(programme, spenders(), guests=guests)
    return token_of(invitation("alice").id)


if connection.vendor == "postgresql":  # SQLite has one writer at a time: nothing can come in between

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_guard_it_is_the_database_that_refuses(programme, monkeypatch):
        token = open_for_guests(programme, 1)
        monkeypatch.setattr(admission, "_with_room", lambda invitation: invitation)
        both_have_read, find = Barrier(2), members.find_ticket

        def find_together(**facts):
            ticket = find(**facts)
            both_have_read.wait(30)
            return ticket

        monkeypatch.setattr(members, "find_ticket", find_together)

        came = at_once(2, lambda number: come_or_not(programme, token, f"guest{number}"))

        assert sorted(map(str, came)) == ["True", "refused by the database"]


# -- the laws ------------------------------------------------------------------------------------------------


def broken():
    return {answer.invariant for answer in check_ledger().answers if not answer.liveness and answer.findings}


def came(**facts):
    """Plant an invitation by which somebody has joined."""
    lists = InvitationListFactory(programme=ProgrammeFactory(complete=True))
    usual = {"member": MemberFactory(programme=lists.programme), "joined_at": OPENED}
    return InvitationFactory(invitation_list=lists, sent=True, **{**usual, **facts})


def test_sound_invitations_break_no_law(books_are_right):
    came()
    InvitationGuestFactory()

    assert broken() == set()


@pytest.mark.parametrize(
    ("plant", "law"),
    [
        (lambda: came(joined_at=LONG_AGO - timedelta(days=1)), "invitation_was_open"),
        (lambda: came(member=MemberFactory()), "invitation_to_its_programme"),
        (lambda: came(guests=3, guests_joined=1), "invitation_counts_its_guests"),
        (lambda: InvitationGuestFactory(member=came().member), "member_came_once"),
    ],
)
def test_every_law_of_invitations_is_shown_to_bite(plant, law, clock):
    plant()

    assert broken() == {f"ledger.{law}"}
