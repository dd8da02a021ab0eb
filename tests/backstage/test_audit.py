"""Every change leaves a trace, and a trace never stands without its change."""

import pytest
from django.db import transaction

from backstage.models import AuditRecord
from backstage.operations import audit
from backstage.policies import By
from backstage.registry import UnknownKey
from backstage.transactions import TransactionRequiredError
from tests.backstage.conftest import AT

CAROL = By("staff", "7", "Carol")


@pytest.mark.django_db
def test_a_record_holds_who_what_when_and_why_as_plain_values(counting):
    with transaction.atomic():
        audit.record(
            kind="counted", object_kind="lot", object_id=5, by=CAROL, at=AT,
            before={"points": 1}, after={"points": 2, "at": AT}, reason="Correction",
        )  # fmt: skip

    record = AuditRecord.objects.get()
    assert (record.at, record.by_kind, record.by_id, record.by_label) == (AT, "staff", "7", "Carol")
    assert (record.kind, record.object_kind, record.object_id, record.reason) == (
        "counted",
        "lot",
        "5",
        "Correction",
    )
    assert (record.before, record.after) == ({"points": 1}, {"points": 2, "at": "2026-03-03T12:00:00Z"})


@pytest.mark.django_db
def test_a_deed_that_is_rolled_back_leaves_no_trace(counting):
    def count_and_fail() -> None:
        with transaction.atomic():
            audit.record(kind="counted", object_kind="lot", object_id=5, by=CAROL, at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        count_and_fail()

    assert not AuditRecord.objects.exists()


@pytest.mark.django_db
def test_a_record_outside_a_transaction_or_of_an_unknown_kind_is_refused(counting):
    with pytest.raises(TransactionRequiredError):
        audit.record(kind="counted", object_kind="lot", object_id=5, by=CAROL, at=AT)
    with pytest.raises(UnknownKey, match="Did you mean 'counted'"), transaction.atomic():
        audit.record(kind="countd", object_kind="lot", object_id=5, by=CAROL, at=AT)

    assert not AuditRecord.objects.exists()
