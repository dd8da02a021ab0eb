"""A large change is looked at twice, and never made half."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction

from backstage.models import Approval, AuditRecord
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from backstage.queries import count_requests_for
from backstage.registry import ApprovalKind, UnknownKey, approval_kinds
from backstage.transactions import TransactionRequiredError
from tests.backstage.conftest import AT, at_once


@pytest.fixture
def applied():
    given: list[object] = []
    approval_kinds.register(
        "raise_value",
        ApprovalKind(
            name="raise_value",
            describe=str,
            apply=lambda payload, at, by: given.append(payload),
            private=frozenset({"note"}),
        ),
    )
    return given


def staff(name: str, *, may_decide: bool) -> By:
    user = get_user_model().objects.create_user(name, is_staff=True)
    if may_decide:
        user.user_permissions.add(Permission.objects.get(codename="decide_approval"))
    return By("staff", str(user.pk), name)


@pytest.fixture
def carol(db):
    return staff("carol", may_decide=True)


@pytest.fixture
def alice(db):
    return staff("alice", may_decide=True)


def ask(by: By, *, reason: str = "Christmas", key: str = "", **payload: object) -> Approval:
    with transaction.atomic():
        return approvals.request(
            kind="raise_value",
            object_kind="programme",
            object_id=1,
            payload={"to": 2} | payload,
            reason=reason,
            by=by,
            at=AT,
            now=AT,
            key=key,
        )


def approve(approval: Approval, by: By, *, after: timedelta = timedelta(0)) -> Approval:
    with transaction.atomic():
        return approvals.approve(approval_id=approval.pk, by=by, at=AT, now=AT + after)


def assert_untouched(approval: Approval, applied: list[object]) -> None:
    approval.refresh_from_db()
    assert (approval.state, approval.decided_at, applied) == ("waiting", None, [])
    assert [record.kind for record in AuditRecord.objects.all()] == ["approval_requested"]


def test_a_second_person_approves_at_once_and_the_change_is_made(applied, carol, alice):
    approval = approve(ask(carol), alice)

    approval.refresh_from_db()
    assert (approval.state, approval.decided_by_label, approval.decided_at) == ("approved", "alice", AT)
    assert applied == [{"to": 2}]
    records = AuditRecord.objects.order_by("id")
    assert [(record.kind, record.by_label, record.after["change"]) for record in records] == [
        ("approval_requested", "carol", {"to": 2}),
        ("approval_approved", "alice", {"to": 2}),
    ]


def test_who_asked_cannot_approve_while_somebody_else_can(applied, carol, alice):
    approval = ask(carol)

    with pytest.raises(approvals.SecondPersonNeededError, match="somebody else has to approve"):
        approve(approval, carol, after=timedelta(days=1))

    assert_untouched(approval, applied)


def test_the_only_person_waits_an_hour_and_is_told_how_long(applied, carol):
    approval = ask(carol)

    with pytest.raises(approvals.TooEarlyError, match="Come back in 31 minutes"):
        approve(approval, carol, after=timedelta(minutes=29, seconds=1))
    assert_untouched(approval, applied)

    approve(approval, carol, after=timedelta(hours=1))
    assert applied == [{"to": 2}]


def test_staff_who_may_not_decide_do_not_count_as_a_second_person(applied, carol):
    staff("bob", may_decide=False)

    assert ask(carol).not_before == AT + timedelta(hours=1)


def test_a_change_that_cannot_be_made_any_more_leaves_the_request_waiting(applied, carol, alice):
    def refuse(payload, at, by):
        raise ChangeRefusedError("The programme is closed.")

    approval = ask(carol)
    approval_kinds._things["raise_value"] = ApprovalKind(name="raise_value", describe=str, apply=refuse)

    with pytest.raises(ChangeRefusedError):
        approve(approval, alice)

    assert_untouched(approval, applied)


def test_a_request_is_decided_once(applied, carol, alice):
    approval = approve(ask(carol), alice)

    with pytest.raises(approvals.AlreadyDecidedError, match="This was approved by alice"):
        approve(approval, alice)
    with pytest.raises(approvals.AlreadyDecidedError), transaction.atomic():
        approvals.refuse(approval_id=approval.pk, by=alice, at=AT, now=AT, reason="no")

    assert applied == [{"to": 2}]
    assert AuditRecord.objects.filter(kind__in=["approval_approved", "approval_refused"]).count() == 1


def test_a_refusal_says_why_and_changes_nothing(applied, carol, alice):
    approval = ask(carol)
    with pytest.raises(approvals.ReasonMissingError), transaction.atomic():
        approvals.refuse(approval_id=approval.pk, by=alice, at=AT, now=AT, reason="  ")
    assert_untouched(approval, applied)

    with transaction.atomic():
        approvals.refuse(approval_id=approval.pk, by=alice, at=AT, now=AT, reason="Too dear")

    approval.refresh_from_db()
    assert (approval.state, approval.decision_reason, applied) == ("refused", "Too dear", [])


def test_a_request_without_a_reason_or_of_an_unknown_kind_is_refused(applied, carol):
    with pytest.raises(approvals.ReasonMissingError):
        ask(carol, reason=" ")
    del approval_kinds._things["raise_value"]
    with pytest.raises(UnknownKey):
        ask(carol)

    assert not Approval.objects.exists()


def test_a_decision_outside_a_transaction_is_refused(applied, carol, alice):
    approval = ask(carol)

    with pytest.raises(TransactionRequiredError):
        approvals.approve(approval_id=approval.pk, by=alice, at=AT, now=AT)

    assert_untouched(approval, applied)


def test_asking_twice_under_one_key_is_asking_once(applied, carol):
    first = ask(carol, key="page-7")

    second = ask(carol, key="page-7")

    assert second.pk == first.pk
    assert Approval.objects.count() == 1
    assert AuditRecord.objects.filter(kind="approval_requested").count() == 1


def test_one_key_for_two_changes_is_refused_and_the_first_stands(applied, carol):
    first = ask(carol, key="page-7")

    with pytest.raises(approvals.KeyTakenError, match="Open it anew"):
        ask(carol, key="page-7", to=3)

    assert Approval.objects.get().payload == first.payload == {"to": 2}


def test_without_a_key_everybody_asks_anew(applied, carol):
    assert ask(carol).pk != ask(carol).pk


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_ask_once(applied, carol):
    ids = at_once(*[lambda: ask(carol, key="page-7").pk] * 4)

    assert len(set(ids)) == 1
    assert Approval.objects.count() == 1
    assert AuditRecord.objects.filter(kind="approval_requested").count() == 1


def test_what_was_written_about_somebody_stays_out_of_the_log(applied, carol, alice):
    approval = approve(ask(carol, reason="Her dog was ill", note="Her dog was ill"), alice)

    assert applied == [{"to": 2, "note": "Her dog was ill"}]
    assert approval.payload["note"] == "Her dog was ill"
    for record in AuditRecord.objects.all():
        assert (record.after["change"], record.reason) == ({"to": 2}, "")


def test_what_waits_is_counted_for_whoever_can_decide_it(applied, carol, alice):
    ask(carol)
    cancelled = ask(alice)
    with transaction.atomic():
        approvals.cancel(approval_id=cancelled.pk, by=alice, at=AT, now=AT)

    counts = [count_requests_for(by=person, at_most=100) for person in (alice, carol)]

    assert counts == [1, 0]


def test_the_only_person_who_decides_is_told_of_their_own_requests(applied, carol):
    ask(carol)

    assert count_requests_for(by=carol, at_most=100) == 1
