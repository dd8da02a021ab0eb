"""What the shop's staff sees of backstage."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.urls import reverse

from backstage.models import Approval, AuditRecord, JobChunk, JobRun
from backstage.operations import approvals
from backstage.operations.jobs import begin_run, run_job
from backstage.policies import SYSTEM, By
from backstage.registry import ApprovalKind, approval_kinds
from tests.backstage.conftest import AT, SLOT
from tests.harness.client import StrictClient

RUNS = "/admin/encore_backstage/jobrun/"
LOG = "/admin/encore_backstage/auditrecord/"
APPROVALS = "/admin/encore_backstage/approval/"
EQUAL = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def clerk(db):
    """Signed in as somebody who may look at job runs, and at nothing else."""
    user = get_user_model().objects.create_user("bob", password="bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_jobrun"))
    client = StrictClient()
    client.force_login(user)
    return client


def record_many(count: int) -> None:
    """Write records of which many share one moment, so that only the id tells them apart."""
    AuditRecord.objects.bulk_create(
        AuditRecord(
            at=EQUAL + timedelta(days=number // 150),
            by_kind="staff",
            by_label="Carol",
            kind="job_paused",
            object_kind="number",
            object_id=str(number),
        )
        for number in range(count)
    )


def read_page(client, address: str) -> tuple[list[int], str, str]:
    """Return the numbers on a page of the log, and its links back and further."""
    changes = client.get(address).context["cl"]
    return [int(row.object_id) for row in changes.result_list], changes.previous_link, changes.next_link


@pytest.mark.django_db
def test_leafing_through_a_long_list_shows_every_row_once_in_order_and_back_again(admin_client):
    record_many(250)

    first, no_link, further = read_page(admin_client, LOG)
    second, back, further_still = read_page(admin_client, LOG + further)
    third, back_again, no_further = read_page(admin_client, LOG + further_still)
    second_again, _back, _further = read_page(admin_client, LOG + back_again)
    first_again, no_back, _further = read_page(admin_client, LOG + back)

    assert (len(first), len(second), len(third)) == (100, 100, 50)
    assert first + second + third == list(reversed(range(250)))
    assert (second_again, first_again) == (second, first)
    assert (no_link, no_further, no_back) == ("", "", "")


@pytest.mark.django_db
def test_search_and_filters_hold_while_leafing(admin_client):
    record_many(250)
    AuditRecord.objects.create(
        at=EQUAL, by_kind="staff", by_label="Ola", kind="job_resumed", object_kind="n", object_id="999"
    )

    page, _back, further = read_page(admin_client, f"{LOG}?kind=job_paused&q=Carol")
    rest, _back, _further = read_page(admin_client, LOG + further)

    assert "kind=job_paused" in further
    assert "q=Carol" in further
    assert len(page) == 100
    assert len(rest) == 100
    assert 999 not in page + rest


@pytest.mark.django_db
def test_a_filter_starts_again_at_the_first_page(admin_client):
    record_many(250)
    _page, _back, further = read_page(admin_client, LOG)

    changes = admin_client.get(LOG + further).context["cl"]
    links = [choice["query_string"] for choice in changes.filter_specs[0].choices(changes)]

    assert links
    assert not [link for link in links if "after" in link]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place", ["x", "2026-03-01,x", "yesterday,1", ",", "2026-03-01 00:00:00+00:00," + "9" * 30]
)
def test_a_place_that_nobody_could_have_linked_to_leads_to_the_first_page(admin_client, place):
    record_many(3)

    response = admin_client.get(LOG, {"after": place}, follow=True)

    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == 3


@pytest.mark.django_db
def test_a_list_takes_the_same_queries_at_one_row_and_at_many_and_counts_nothing(
    admin_client, django_assert_num_queries
):
    record_many(1)
    admin_client.get(LOG)
    with django_assert_num_queries(3):
        admin_client.get(LOG)
    record_many(250)

    with django_assert_num_queries(3) as seen:
        admin_client.get(LOG)

    assert not [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]


@pytest.mark.django_db
def test_an_empty_list_says_why_and_a_search_without_a_match_says_so(admin_client):
    assert b"Nobody has changed anything yet." in admin_client.get(LOG).content
    assert "Nothing matches “annna”." in admin_client.get(LOG, {"q": "annna"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", [RUNS, LOG, APPROVALS])
def test_nobody_can_add_change_or_delete_in_a_read_only_admin(admin_client, address, counting):
    run_job(name="count", at=AT, slot=SLOT)
    row = {RUNS: JobRun, LOG: AuditRecord, APPROVALS: Approval}[address].objects.order_by("pk").first()

    answers = [
        admin_client.get(f"{address}add/").status_code,
        admin_client.post(f"{address}add/", {}).status_code,
        admin_client.post(f"{address}{row.pk if row else 1}/delete/", {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert AuditRecord.objects.count() == 6


@pytest.mark.django_db
def test_a_running_job_shows_how_far_it_is_and_refreshes_itself(admin_client, counting):
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)
    JobRun.objects.filter(pk=run.pk).update(planned_at=run.started_at, counted=6, done=4, failed=1)

    page = admin_client.get(f"{RUNS}{run.pk}/change/").content.decode()
    fragment = admin_client.get(f"{RUNS}{run.pk}/progress/").content.decode()

    assert '<progress max="6" value="5" aria-label="count"></progress>' in page
    assert "4 of 6 done, 1 failed" in page
    assert f'data-encore-refresh="{RUNS}{run.pk}/progress/"' in fragment
    assert "Pause after the current chunk" in page


@pytest.mark.django_db
def test_a_finished_run_does_not_ask_again(admin_client, counting):
    run = run_job(name="count", at=AT, slot=SLOT)

    page = admin_client.get(f"{RUNS}{run.pk}/change/").content.decode()

    assert "6 of 6 done" in page
    assert "data-encore-refresh" not in page
    assert "Pause" not in page


@pytest.mark.django_db
def test_chunks_that_failed_are_listed_with_what_went_wrong(admin_client, counting):
    def explode(chunk):
        raise ValueError("<b>odd</b>")

    counting.before_work = explode
    run = run_job(name="count", at=AT, slot=SLOT)

    page = admin_client.get(f"{RUNS}{run.pk}/change/").content.decode()

    assert page.count("ValueError: &lt;b&gt;odd&lt;/b&gt;") == 4
    assert "0 of 3 done, 3 failed" in page


@pytest.mark.django_db
def test_the_buttons_pause_and_resume_a_run_and_leave_a_trace(admin_client, counting, clock):
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)

    paused = admin_client.post(f"{RUNS}{run.pk}/pause/", follow=True)
    run.refresh_from_db()
    state_after_pause = run.state
    resumed = admin_client.post(f"{RUNS}{run.pk}/resume/", follow=True)
    run.refresh_from_db()

    assert (state_after_pause, run.state) == ("paused", "running")
    assert b"Paused. Nothing of this job runs until you resume it." in paused.content
    assert b"Resumed." in resumed.content
    assert list(AuditRecord.objects.order_by("id").values_list("kind", "by_label", "at")) == [
        ("job_paused", "owner", clock.now()),
        ("job_resumed", "owner", clock.now()),
    ]


@pytest.mark.django_db
def test_looking_at_a_button_changes_nothing(admin_client, counting):
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)

    answers = [admin_client.get(f"{RUNS}{run.pk}/{verb}/").status_code for verb in ("pause", "resume")]

    run.refresh_from_db()
    assert (answers, run.state) == ([405, 405], "running")


@pytest.mark.django_db
def test_who_may_only_look_cannot_pause(clerk, counting):
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)

    page = clerk.get(f"{RUNS}{run.pk}/change/")
    answer = clerk.post(f"{RUNS}{run.pk}/pause/")

    run.refresh_from_db()
    assert (page.status_code, answer.status_code, run.state) == (200, 403, "running")
    assert b"Pause after" not in page.content


@pytest.mark.django_db
def test_who_may_not_look_sees_no_log(clerk):
    record_many(1)

    answers = [
        clerk.get(LOG).status_code,
        clerk.get(f"{LOG}{AuditRecord.objects.get().pk}/change/").status_code,
    ]

    assert answers == [403, 403]


@pytest.mark.django_db
def test_a_record_shows_the_values_before_and_after_and_the_rest_of_its_action(admin_client):
    first = AuditRecord.objects.create(
        at=AT, by_kind="staff", by_label="<i>Carol</i>", kind="job_paused", object_kind="job_run",
        object_id="7", before={"state": "running"}, after={"state": "paused", "note": "<b>"}, reason="Friday",
    )  # fmt: skip
    AuditRecord.objects.create(
        at=AT, by_kind="staff", by_label="Carol", kind="an_app_that_is_gone", object_kind="thing",
        object_id="8", group=first.group,
    )  # fmt: skip

    page = admin_client.get(f"{LOG}{first.pk}/change/").content.decode()

    assert "&lt;i&gt;Carol&lt;/i&gt; paused job run 7" in page
    assert "<td>running</td><td>paused</td>" in page
    assert "<td>–</td><td>&lt;b&gt;</td>" in page
    assert "Carol: an_app_that_is_gone, thing 8" in page


@pytest.fixture
def applied(clock):
    """A kind of change that notes what it was given."""
    given: list[tuple[object, ...]] = []
    approval_kinds.register(
        "raise_value",
        ApprovalKind(
            name="raise_value",
            describe=lambda payload: f"Raise the value of a point to {payload['to']}",
            apply=lambda payload, at, by: given.append((payload["to"], at, by.label)),
        ),
    )
    return given


@pytest.fixture
def asked(applied, admin_client):
    """Carol, who is not the owner at the keyboard, asks for a change."""
    with transaction.atomic():
        return approvals.request(
            kind="raise_value", object_kind="programme", object_id=1, payload={"to": 2}, reason="Christmas",
            by=By("staff", "0", "Carol"), at=AT, now=AT,
        )  # fmt: skip


@pytest.mark.django_db
def test_approving_makes_the_change_and_says_so(admin_client, asked, applied, clock):
    page = admin_client.get(f"{APPROVALS}{asked.pk}/change/").content.decode()
    answer = admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "approve"}, follow=True)

    asked.refresh_from_db()
    assert "Raise the value of a point to 2" in page
    assert "Take it back" not in page
    assert b"Approved, and done." in answer.content
    assert (asked.state, asked.decided_by_label) == ("approved", "owner")
    assert applied == [(2, clock.now(), "owner")]


@pytest.mark.django_db
def test_refusing_needs_a_reason_and_keeps_what_was_typed(admin_client, asked, applied, clock):
    answer = admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "refuse", "reason": " "})

    asked.refresh_from_db()
    assert answer.status_code == 409
    assert b"Say why, in a few words" in answer.content
    assert asked.state == "waiting"

    admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "refuse", "reason": "Too dear"})

    asked.refresh_from_db()
    assert (asked.state, asked.decision_reason, applied) == ("refused", "Too dear", [])


@pytest.mark.django_db
@pytest.mark.parametrize("decision", ["cancel", "", "delete"])
def test_a_decision_that_is_not_this_persons_is_refused(admin_client, asked, applied, decision):
    answer = admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": decision})

    asked.refresh_from_db()
    assert (answer.status_code, asked.state, applied) == (403, "waiting", [])


@pytest.mark.django_db
def test_the_pages_of_all_three_lists_open(admin_client, asked, counting):
    run_job(name="count", at=AT, slot=SLOT)
    paused = begin_run(job=counting.job, at=AT, by=SYSTEM, slot="other")
    JobRun.objects.filter(pk=paused.pk).update(state="paused")

    answers = [admin_client.get(address) for address in (RUNS, LOG, APPROVALS)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert b"6 of 6 done" in answers[0].content
    assert b"Raise the value of a point to 2" in answers[2].content
    assert JobChunk.objects.count() == 3
    assert reverse("admin:encore_backstage_jobrun_progress", args=[1]) == f"{RUNS}1/progress/"


@pytest.mark.django_db
def test_whoever_asked_sees_what_they_asked_for_and_takes_it_back_and_sees_no_other(clerk, asked, applied):
    bob = get_user_model().objects.get(username="bob")
    Approval.objects.update(requested_by_id=str(bob.pk))
    with transaction.atomic():
        other = approvals.request(
            kind="raise_value", object_kind="programme", object_id=1, payload={"to": 3}, reason="Easter",
            by=By("staff", "0", "Carol"), at=AT, now=AT,
        )  # fmt: skip

    page = clerk.get(f"{APPROVALS}{asked.pk}/change/").content.decode()
    answers = [clerk.get(f"{APPROVALS}{other.pk}/change/").status_code, clerk.get(APPROVALS).status_code]
    taken_back = clerk.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "cancel"}, follow=True)

    assert "Take it back" in page
    assert "Approve and do it" not in page
    assert "← Approvals" not in page
    assert answers == [403, 403]
    assert b"Taken back. Nothing was changed." in taken_back.content
    asked.refresh_from_db()
    assert (asked.state, applied) == ("cancelled", [])


@pytest.mark.django_db
def test_the_list_takes_the_same_queries_at_one_request_and_at_twenty(
    admin_client, asked, django_assert_num_queries
):
    admin_client.get(APPROVALS)
    with django_assert_num_queries(3) as at_one:
        admin_client.get(APPROVALS)
    Approval.objects.bulk_create(
        Approval(
            kind="raise_value", object_kind="programme", object_id="1", payload={"to": number}, reason="x",
            requested_at=AT, requested_by_kind="staff",
        )
        for number in range(19)
    )  # fmt: skip

    with django_assert_num_queries(len(at_one)):
        page = admin_client.get(APPROVALS)

    assert len(page.context["cl"].result_list) == 20


@pytest.mark.django_db
def test_a_request_of_an_app_that_is_gone_can_be_looked_at_and_refused(admin_client, asked, applied):
    Approval.objects.update(kind="raise_moon")

    page = admin_client.get(f"{APPROVALS}{asked.pk}/change/")
    approved = admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "approve"})
    admin_client.post(f"{APPROVALS}{asked.pk}/decide/", {"decision": "refuse", "reason": "Gone"})

    asked.refresh_from_db()
    assert b"the app that brought it is not installed any more" in page.content
    assert (approved.status_code, asked.state, applied) == (409, "refused", [])
