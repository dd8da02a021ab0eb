"""Inviting customers of a segment: chosen at one moment, once each, and never whoever has joined."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from backstage.policies import SHOP, Chunk
from commerce.models import Customer, Segment
from commerce.operations.customers import merge_customers
from commerce.operations.segments import delete_segment, save_segment
from commerce.queries.segments import read_segment
from loyalty.models import Invitation, InvitationList
from loyalty.operations import invitations as operations
from loyalty.operations.invitation_lists import (
    ListStepRefused,
    change_invitation_list,
    discard_invitation_list,
    end_invitation_list,
    pause_invitation_list,
    switch_on_invitation_list,
)
from loyalty.operations.invitations import (
    CannotWithdraw,
    choose,
    note_opened,
    plan_invitations,
    withdraw_invitation,
    work_invitations,
)
from loyalty.operations.members import leave
from loyalty.queries.invitation_links import find_by_token, token_of
from loyalty.queries.invitations import Funnel, Reach, get_reach, list_funnels
from tests.factories.loyalty import InvitationListFactory
from tests.loyalty.invitations import (
    at_once,
    draft,
    invitation,
    invite,
    invite_only,
    invited,
    send,
    spend,
    spenders,
)
from tests.loyalty.shop import NOON, OPENED, customer, day, join

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return invite_only()


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(NOON)
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def states():
    return list(InvitationList.objects.order_by("id").values_list("state", flat=True))


# -- a list --------------------------------------------------------------------------------------------------


def test_a_list_is_drafted_changed_switched_on_paused_and_ended(programme):
    spend("alice")
    drafted = draft(programme, spenders())
    change_invitation_list(list_id=drafted.id, fields={"valid_days": 10}, at=NOON)
    seen = [states()]

    for deed in (
        switch_on_invitation_list,
        pause_invitation_list,
        switch_on_invitation_list,
        end_invitation_list,
    ):
        deed(list_id=drafted.id, at=NOON)
        seen.append(states())

    assert seen == [["draft"], ["on"], ["paused"], ["on"], ["ended"]]
    kinds = AuditRecord.objects.filter(object_kind="invitation_list").order_by("id")
    assert [kind.removeprefix("invitation_list_") for kind in kinds.values_list("kind", flat=True)] == [
        "drafted",
        "changed",
        "switched_on",
        "paused",
        "switched_on",
        "ended",
    ]


def test_what_was_switched_on_is_never_edited_and_never_thrown_away(programme):
    spend("alice")
    running = invite(programme, spenders())

    for deed in (
        lambda: change_invitation_list(list_id=running.id, fields={"valid_days": 1}, at=NOON),
        lambda: discard_invitation_list(list_id=running.id, at=NOON),
        lambda: switch_on_invitation_list(list_id=running.id, at=NOON),
    ):
        with pytest.raises(ListStepRefused):
            deed()

    running.refresh_from_db()
    assert (running.state, running.valid_days) == ("on", 30)


def test_a_draft_is_thrown_away(programme):
    spend("alice")

    discard_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)

    assert not InvitationList.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"segment_id": 404}, "segment_id"),
        ({"name": ""}, "name"),
        ({"valid_days": 0}, "valid_days"),
        ({"valid_days": 367}, "valid_days"),
        ({"guests": 21}, "guests"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_nothing_is_saved(programme, wrong, field):
    spend("alice")

    with pytest.raises(ValidationError) as refusal:
        draft(programme, spenders(), **wrong)

    assert list(refusal.value.message_dict) == [field]
    assert not InvitationList.objects.exists()


def test_a_segment_that_nobody_is_in_is_refused_beside_its_field(programme):
    with pytest.raises(ValidationError) as refusal:
        draft(programme, spenders())

    assert refusal.value.message_dict["segment_id"] == [
        "Nobody is in this segment now. Loosen its conditions, or invite those who come to fit later."
    ]
    assert not InvitationList.objects.exists()


def test_a_list_that_invites_those_who_come_later_may_begin_with_nobody(programme):
    assert draft(programme, spenders(), is_living=True).state == "draft"


def test_a_segment_of_members_alone_is_refused_beside_its_field(programme):
    spend("alice")
    segment = spenders()
    invite(programme, segment)
    join("alice", programme, at=day(1))

    with pytest.raises(ValidationError) as refusal:
        draft(programme, segment)

    assert refusal.value.message_dict["segment_id"] == [
        "Everybody in this segment has joined already. Choose another one."
    ]


def test_a_condition_that_nobody_knows_is_named_beside_the_field(programme):
    lost = Segment.objects.create(
        key="lost",
        name="Lost",
        conditions={"conditions": [{"condition": "shoe_size", "with": {}}]},
        created_at=OPENED,
        updated_at=OPENED,
    )

    with pytest.raises(ValidationError) as refusal:
        draft(programme, lost)

    (message,) = refusal.value.message_dict["segment_id"]
    assert "There is no condition 'shoe_size'." in message
    assert not InvitationList.objects.exists()


# -- who is invited ------------------------------------------------------------------------------------------


def test_whoever_is_in_the_segment_is_invited_once_and_nobody_else(programme):
    for name, minor in (("alice", 6000), ("bob", 4999), ("carol", 5000)):
        spend(name, minor)

    invite(programme, spenders())
    send(day(2))

    assert invited() == ["alice", "carol"]
    assert Invitation.objects.count() == 2


def test_an_invitation_is_good_until_the_end_of_its_last_local_day(programme):
    spend("alice")

    invite(programme, spenders(), valid_days=30)

    # The last day is 2 April in Oslo, which is on summer time by then.
    assert invitation("alice").expires_at == datetime(2026, 4, 2, 22, tzinfo=UTC)
    assert invitation("alice").sent_at == NOON


def test_members_those_who_left_the_merged_and_the_erased_are_not_invited(programme):
    segment = spenders()
    for name in ("alice", "bob", "carol", "dave", "erin"):
        spend(name)
    first = invite(programme, segment, name="For two")
    Invitation.objects.exclude(customer__in=[customer("alice"), customer("bob")]).update(withdrawn_at=NOON)
    join("alice", programme, at=day(1))
    leave(member_id=join("bob", programme, at=day(1)).id, at=day(1))
    merge_customers(source=customer("carol").pk, target=customer("alice").pk, at=day(1), by=SHOP)
    Customer.objects.filter(pk=customer("dave").pk).update(erased_at=day(1))
    end_invitation_list(list_id=first.id, at=day(1))

    second = invite(programme, segment, at=day(2))

    assert list(second.invitations.values_list("customer_id", flat=True)) == [customer("erin").pk]


def test_a_snapshot_stays_what_it_was_and_a_living_list_follows(programme):
    spend("alice")
    segment = spenders()
    snapshot = invite(programme, segment)
    living = invite(programme, segment, name="Living", is_living=True)

    spend("bob", at=day(1))
    send(day(0.9))
    assert (snapshot.invitations.count(), living.invitations.count()) == (1, 1)
    send(day(2))

    assert (snapshot.invitations.count(), living.invitations.count()) == (1, 2)
    assert living.invitations.get(customer=customer("bob")).sent_at == day(2)


def test_editing_or_deleting_the_segment_changes_nothing_that_was_promised(programme):
    spend("alice")
    segment = spenders()
    living = invite(programme, segment, is_living=True)

    save_segment(
        segment_id=segment.pk,
        key=segment.key,
        name=segment.name,
        conditions={"conditions": [{"condition": "tag", "with": {"any_of": ["nobody"]}}]},
        at=day(1),
    )
    delete_segment(segment_id=segment.pk, at=day(1))
    spend("bob", at=day(1))
    send(day(2))

    assert living.invitations.count() == 2


def test_a_list_that_cannot_be_read_any_more_chooses_nobody_and_keeps_no_other_from_its_turn(programme):
    spend("alice")
    lost = InvitationListFactory(programme=programme, conditions={})
    invite(programme, spenders())

    assert (invited(), lost.invitations.count()) == (["alice"], 0)


def test_a_paused_list_invites_nobody_until_it_goes_on(programme):
    spend("alice")
    running = switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
    pause_invitation_list(list_id=running.id, at=NOON)
    send()
    assert invited() == []

    switch_on_invitation_list(list_id=running.id, at=day(1))
    send(day(1))

    assert invited() == ["alice"]


def test_whoever_joined_between_choosing_and_inviting_is_passed_over(programme):
    for name in ("alice", "bob", "carol"):
        spend(name)
    running = switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
    (chunk,) = plan_invitations(NOON)
    merge_customers(source=customer("bob").pk, target=customer("carol").pk, at=NOON, by=SHOP)
    Customer.objects.filter(pk=customer("alice").pk).update(erased_at=NOON)

    done = work_invitations(chunk, NOON, 1)

    assert (done.done, invited()) == (3, ["carol"])
    assert list_funnels(list_ids=[running.id], at=NOON)[running.id] == Funnel(
        chosen=3, invited=1, withdrawn=2
    )


def test_a_chunk_that_is_worked_again_invites_nobody_twice(programme):
    spend("alice")
    switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
    (chunk,) = plan_invitations(NOON)
    work_invitations(chunk, NOON, 1)

    again = work_invitations(chunk, day(1), 2)

    assert (again.done, invitation("alice").sent_at) == (0, NOON)


def test_many_are_invited_with_as_many_statements_as_few(programme):
    def statements(number):
        for nth in range(number):
            spend(f"c{number}-{nth}")
        running = switch_on_invitation_list(list_id=draft(programme, spenders(key=f"s{number}")).id, at=NOON)
        with CaptureQueriesContext(
            connection,
        ) as found:
            (chunk,) = plan_invitations(NOON)
            work_invitations(chunk, NOON, 1)
        assert running.invitations.filter(sent_at=NOON).count() >= number
        end_invitation_list(list_id=running.id, at=NOON)
        return len(found)

    assert statements(2) == statements(12)


def test_ranges_cover_all_who_wait(programme, monkeypatch):
    monkeypatch.setattr(operations, "INVITATIONS_PER_CHUNK", 2)
    for number in range(5):
        spend(f"c{number}")
    switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)

    chunks = plan_invitations(NOON)

    assert [chunk.counted for chunk in chunks] == [2, 2, 1]
    send()
    assert len(invited()) == 5


def test_the_reach_counts_who_is_in_who_is_new_and_what_they_spent(programme, django_assert_num_queries):
    for name, minor in (("alice", 6000), ("bob", 7000), ("carol", 100)):
        spend(name, minor)
    segment = spenders()
    invite(programme, segment)
    join("alice", programme, at=day(1))
    definition = read_segment(conditions=segment.conditions)

    with django_assert_num_queries(1):
        reach = get_reach(
            definition=definition,
            programme_id=programme.id,
            currency="EUR",
            zone=programme.zone,
            at=day(1),
        )

    assert reach == Reach(found=2, invitable=1, spent_minor=7000)


# -- one invitation ------------------------------------------------------------------------------------------


def test_a_link_is_stored_nowhere_and_no_other_text_finds_an_invitation(programme):
    spend("alice")
    invite(programme, spenders())
    made = invitation("alice")
    token = token_of(made.id)

    assert find_by_token(token) == made
    stored = " ".join(str(value) for value in Invitation.objects.values_list().get())
    assert token.rpartition(".")[2] not in stored
    for wrong in ("", token[:-1], f"{made.id + 1}{token[1:]}", "1.x", token * 3, "é.ü"):
        assert find_by_token(wrong) is None


def test_links_outlive_a_change_of_the_key_that_keeps_the_old_one(programme, settings):
    spend("alice")
    invite(programme, spenders())
    token = token_of(invitation("alice").id)

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert find_by_token(token) == invitation("alice")

    settings.SECRET_KEY_FALLBACKS = []
    assert find_by_token(token) is None


def test_the_first_opening_is_noted_and_only_of_what_was_sent(programme):
    spend("alice")
    switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
    plan_invitations(NOON)
    assert not note_opened(invitation_id=invitation("alice").id, at=NOON)
    send()

    assert note_opened(invitation_id=invitation("alice").id, at=day(1))
    assert not note_opened(invitation_id=invitation("alice").id, at=day(2))

    assert invitation("alice").opened_at == day(1)


def test_an_invitation_is_withdrawn_before_it_is_used_and_not_after(programme):
    spend("alice")
    spend("bob")
    invite(programme, spenders())
    join("bob", programme, at=day(1))

    withdraw_invitation(invitation_id=invitation("alice").id, at=day(1))
    for name in ("alice", "bob"):
        with pytest.raises(CannotWithdraw):
            withdraw_invitation(invitation_id=invitation(name).id, at=day(2))

    assert (invitation("alice").withdrawn_at, invitation("bob").withdrawn_at) == (day(1), None)


# -- together ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_who_choose_at_once_choose_everybody_once(programme):
    for number in range(6):
        spend(f"c{number}")
    running = switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)

    chosen = at_once(4, lambda number: choose(list_id=running.id, at=NOON))

    assert (sum(chosen), Invitation.objects.count()) == (6, 6)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_invite_everybody_once(programme):
    for number in range(6):
        spend(f"c{number}")
    switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)

    at_once(3, lambda number: send())

    assert (len(invited()), Invitation.objects.count()) == (6, 6)


@pytest.mark.django_db(transaction=True)
def test_a_range_that_is_worked_by_two_at_once_is_invited_once(programme):
    for number in range(6):
        spend(f"c{number}")
    switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
    (chunk,) = plan_invitations(NOON)

    def work(number):
        with transaction.atomic():
            return work_invitations(chunk, day(number), number).done

    assert sorted(at_once(3, work)) == [0, 0, 6]
    assert Invitation.objects.values("sent_at").distinct().count() == 1


if connection.vendor == "postgresql":  # SQLite has one writer at a time: nothing can come in between

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_constraint_two_who_choose_at_once_choose_twice(programme, monkeypatch):
        for number in range(6):
            spend(f"c{number}")
        running = switch_on_invitation_list(list_id=draft(programme, spenders()).id, at=NOON)
        ((once,),) = (
            (rule,) for rule in Invitation._meta.constraints if rule.name == "encore_invitation_once"
        )
        with connection.schema_editor() as editor:
            editor.remove_constraint(Invitation, once)
        plain = operations.execute
        monkeypatch.setattr(
            operations, "execute", lambda text, values: plain(text.partition(" ON CONFLICT")[0], values)
        )
        try:
            chosen = at_once(2, lambda number: choose(list_id=running.id, at=NOON))
        finally:
            Invitation.objects.all().delete()
            with connection.schema_editor() as editor:
                editor.add_constraint(Invitation, once)

        assert chosen == [6, 6]


def test_a_chunk_of_nobody_does_nothing(programme):
    assert work_invitations(Chunk(1, 9, 0), NOON, 1).done == 0
