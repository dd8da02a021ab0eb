"""A segment is saved when it can be read, and the log keeps what it was."""

from datetime import UTC, datetime, timedelta

import pytest

from backstage.models import AuditRecord
from backstage.policies import By
from commerce.models import Segment
from commerce.operations import delete_segment, save_segment
from commerce.policies.segments import SegmentError

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)
CAROL = By("staff", "7", "Carol")
VIPS = {"match": "all", "conditions": [{"condition": "tag", "with": {"any_of": ["vip"]}}]}
REGULARS = {"match": "all", "conditions": [{"condition": "orders", "with": {"at_least": 3}}]}


def save(at: datetime = AT, **told) -> Segment:
    return save_segment(
        **{"key": "best", "name": "The best", "conditions": VIPS, "at": at, "by": CAROL} | told
    )


def test_a_new_segment_is_saved_with_a_line_in_the_log():
    segment = save()

    stored = Segment.objects.get()
    assert (stored.pk, stored.key, stored.name, stored.conditions) == (segment.pk, "best", "The best", VIPS)
    assert (stored.created_at, stored.updated_at) == (AT, AT)
    record = AuditRecord.objects.get()
    assert (record.kind, record.object_id, record.by_label) == ("segment_saved", str(segment.pk), "Carol")
    assert (record.before, record.after) == (None, {"key": "best", "name": "The best", "conditions": VIPS})


def test_a_segment_is_changed_and_the_log_keeps_what_it_was():
    segment = save()

    save(LATER, segment_id=segment.pk, conditions=REGULARS)

    stored = Segment.objects.get()
    assert (stored.conditions, stored.created_at, stored.updated_at) == (REGULARS, AT, LATER)
    record = AuditRecord.objects.latest("id")
    assert (record.before["conditions"], record.after["conditions"]) == (VIPS, REGULARS)


def test_saving_what_is_so_already_leaves_no_trace():
    segment = save()

    save(LATER, segment_id=segment.pk)

    assert Segment.objects.get().updated_at == AT
    assert AuditRecord.objects.count() == 1


def test_what_cannot_be_read_is_refused_with_every_wrong_field_and_nothing_is_saved():
    with pytest.raises(SegmentError) as refusal:
        save(key="the best", name=" ", conditions={"match": "all", "conditions": [{"condition": "x"}]})

    assert [problem.path for problem in refusal.value.problems] == ["key", "name", "conditions.0.condition"]
    assert not Segment.objects.exists()
    assert not AuditRecord.objects.exists()


def test_a_key_is_taken_once():
    save()
    other = save(key="other")

    for told in ({}, {"segment_id": other.pk}):
        with pytest.raises(
            SegmentError, match=r"key: There is a segment best already\. Choose another key\."
        ):
            save(name="Another", **told)

    assert set(Segment.objects.values_list("key", "name")) == {("best", "The best"), ("other", "The best")}
    assert AuditRecord.objects.count() == 2


def test_a_deleted_segment_is_kept_in_the_log():
    segment = save()

    delete_segment(segment_id=segment.pk, at=LATER, by=CAROL)

    assert not Segment.objects.exists()
    record = AuditRecord.objects.latest("id")
    assert (record.kind, record.object_id, record.at) == ("segment_deleted", str(segment.pk), LATER)
    assert record.before == {"key": "best", "name": "The best", "conditions": VIPS}
