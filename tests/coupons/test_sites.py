"""Coupon sites, their sheets, and the alert when a code spreads."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.models import AuditRecord
from backstage.operations.jobs import run_job
from coupons.models import Code, CodeAlert, PublisherSite, Submission
from coupons.operations.alerts import (
    AlertSettled,
    CodeNotReady,
    dismiss_alert,
    pause_leaked_code,
    resume_leaked_code,
)
from coupons.operations.sites import SiteEnded, add_site, change_site, end_site, renew_feed_key
from coupons.operations.submissions import (
    SubmissionStepRefused,
    change_submission,
    move_submission,
    prepare_submission,
)
from coupons.policies.sites import SubmissionState
from tests.factories.commerce import CustomerFactory
from tests.factories.coupons import (
    NOON,
    CodeAlertFactory,
    CodeFactory,
    CouponFactory,
    CouponOrderFactory,
    CouponVersionFactory,
    PublisherSiteFactory,
    RedemptionFactory,
    SubmissionFactory,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def coupon():
    row = CouponFactory(is_public=True)
    CouponVersionFactory(coupon=row)
    return row


def prepare(site, coupon, code="klub-20", **texts):
    return prepare_submission(
        site_id=site.pk, coupon_id=coupon.pk, code=code, texts={"title": "20% off", **texts}, at=NOON
    )


# -- sites ---------------------------------------------------------------------------------------------------


def test_a_site_is_added_with_a_secret_changed_and_ended_but_never_lost():
    site = add_site(name="Klub", title_length=60, at=NOON)
    secret = site.feed_key

    change_site(site_id=site.pk, told={"title_length": 50}, at=NOON)
    assert renew_feed_key(site_id=site.pk, at=NOON).feed_key != secret
    end_site(site_id=site.pk, at=NOON)

    site.refresh_from_db()
    assert (site.title_length, site.ended_at, len(secret)) == (50, NOON, 22)
    kinds = list(AuditRecord.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["site_added", "site_changed", "site_key_renewed", "site_ended"]
    with pytest.raises(SiteEnded):
        change_site(site_id=site.pk, told={"name": "Other"}, at=NOON)
    assert PublisherSite.objects.get().name == "Klub"


# -- sheets --------------------------------------------------------------------------------------------------


def test_a_sheet_comes_with_a_code_of_the_sites_own(coupon):
    sheet = prepare(PublisherSiteFactory(), coupon)

    assert (sheet.code.code, sheet.code.written, sheet.code.kind) == ("KLUB20", "klub-20", "site")
    assert (sheet.code.coupon_id, sheet.state) == (coupon.pk, "prepared")


def test_a_coupon_that_needs_no_code_takes_none():
    automatic = CouponFactory(is_public=True, is_automatic=True)

    assert prepare(PublisherSiteFactory(), automatic, code="").code is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "klub 20!"}, "code"),
        ({"code": "taken"}, "code"),
        ({"title": "x" * 31}, "title"),
        ({"title": ""}, "title"),
    ],
)
def test_a_sheet_that_the_site_would_refuse_is_not_made(coupon, changes, field):
    CodeFactory(code="TAKEN")

    with pytest.raises(ValidationError) as refusal:
        prepare(PublisherSiteFactory(), coupon, **changes)

    assert set(refusal.value.message_dict) == {field}
    assert (Submission.objects.count(), Code.objects.count()) == (0, 1)


def test_only_public_coupons_that_have_not_ended_get_a_sheet_and_each_site_one():
    site = PublisherSiteFactory()
    for refused in (CouponFactory(), CouponFactory(is_public=True, state="ended", ended_at=NOON)):
        with pytest.raises(ValidationError):
            prepare(site, refused)
    public = CouponFactory(is_public=True)
    prepare(site, public)
    with pytest.raises(ValidationError):
        prepare(site, public, code="KLUB21")

    assert Submission.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        SubmissionFactory(site=site, coupon=public)


def test_a_sheet_goes_from_hand_to_hand_and_its_texts_stand_once_it_was_sent(coupon):
    sheet = prepare(PublisherSiteFactory(), coupon)
    change_submission(submission_id=sheet.pk, texts={"text": "Fresh beans"}, at=NOON)
    for hours, state in enumerate(("submitted", "live", "to_withdraw", "withdrawn"), 1):
        move_submission(submission_id=sheet.pk, to=SubmissionState(state), at=NOON + hours * HOUR)

    sheet.refresh_from_db()
    times = (sheet.submitted_at, sheet.live_at, sheet.to_withdraw_at, sheet.withdrawn_at)
    assert (sheet.text, times) == ("Fresh beans", tuple(NOON + hours * HOUR for hours in (1, 2, 3, 4)))
    with pytest.raises(SubmissionStepRefused):
        move_submission(submission_id=sheet.pk, to=SubmissionState.LIVE, at=NOON)
    with pytest.raises(SubmissionStepRefused):
        change_submission(submission_id=sheet.pk, texts={"text": "Other"}, at=NOON)
    sheet.refresh_from_db()
    assert (sheet.state, sheet.text, sheet.code.state) == ("withdrawn", "Fresh beans", "ready")


# -- codes that spread ---------------------------------------------------------------------------------------


def use(code, times, *, at=NOON, customer=None):
    """So many orders with a code, each by somebody else, or all by one."""
    version = code.coupon.versions.first() or CouponVersionFactory(coupon=code.coupon)
    for _ in range(times):
        who = customer or CustomerFactory()
        RedemptionFactory(
            version=version, code=code, customer=who, order=CouponOrderFactory(customer=who), used_at=at
        )


def watch(at=NOON):
    run_job(name="watch_codes", at=at)
    alerts = CodeAlert.objects.order_by("id")
    return [(alert.code.code, alert.customer_count, alert.usual_count) for alert in alerts]


@pytest.fixture
def three(settings):
    settings.ENCORE = {"LEAK_CUSTOMERS": 3, "LEAK_HOURS": 24, "LEAK_TIMES_USUAL": 5}


def test_a_private_code_and_a_sites_code_that_spread_are_told_once(three):
    use(CodeFactory(code="SECRET"), 3)
    use(CodeFactory(code="KLUB", kind="site", coupon__is_public=True), 3)
    use(CodeFactory(code="PUBLIC", coupon__is_public=True), 9)
    use(CodeFactory(code="FEW"), 2)

    assert watch() == [("SECRET", 3, 0), ("KLUB", 3, 0)]
    assert watch(NOON + HOUR) == [("SECRET", 3, 0), ("KLUB", 3, 0)]


def test_one_customer_merged_ones_old_uses_and_what_was_given_back_do_not_spread(three):
    alice = CustomerFactory()
    use(CodeFactory(code="ALICE"), 5, customer=alice)
    merged = CodeFactory(code="MERGED")
    for _ in range(4):
        use(merged, 1, customer=CustomerFactory(merged_into=alice, merged_at=NOON))
    use(CodeFactory(code="OLD"), 5, at=NOON - 2 * DAY)
    use(CodeFactory(code="PAUSED", state="paused"), 5)
    back = CodeFactory(code="BACK")
    use(back, 5)
    back.redemptions.update(state="voided")

    assert watch() == []


def test_a_code_that_is_used_as_usual_is_no_leak(three):
    code = CodeFactory(code="DAILY")
    for day in range(2, 28):
        use(code, 1, at=NOON - day * DAY)
    use(code, 4)

    assert watch() == []

    use(code, 1)

    assert watch() == [("DAILY", 5, 1)]


def test_a_leak_is_paused_with_one_deed_and_the_code_can_be_made_good_again(three):
    code = CodeFactory()
    alert = CodeAlertFactory(code=code)

    pause_leaked_code(alert_id=alert.pk, at=NOON)
    code.refresh_from_db()
    assert (code.state, CodeAlert.objects.get().outcome) == ("paused", "paused")
    with pytest.raises(AlertSettled):
        dismiss_alert(alert_id=alert.pk, at=NOON)

    resume_leaked_code(code_id=code.pk, at=NOON)
    code.refresh_from_db()
    assert code.state == "ready"
    with pytest.raises(CodeNotReady):
        resume_leaked_code(code_id=code.pk, at=NOON)


def test_pausing_a_code_that_is_void_changes_nothing():
    alert = CodeAlertFactory(code=CodeFactory(state="void"))

    with pytest.raises(CodeNotReady):
        pause_leaked_code(alert_id=alert.pk, at=NOON)

    alert.refresh_from_db()
    assert (alert.settled_at, alert.code.state) == (None, "void")


def test_use_that_is_meant_to_be_is_not_counted_again(three):
    code = CodeFactory(code="LETTER")
    use(code, 3, at=NOON - HOUR)
    watch()
    dismiss_alert(alert_id=CodeAlert.objects.get().pk, at=NOON)

    assert watch(NOON + HOUR) == [("LETTER", 3, 0)]

    use(code, 3, at=NOON + HOUR)

    assert watch(NOON + HOUR) == [("LETTER", 3, 0), ("LETTER", 3, 0)]


def test_watching_many_codes_takes_as_many_statements_as_watching_one(three):
    def statements(at):
        with CaptureQueriesContext(connection) as seen:
            run_job(name="watch_codes", at=at)
        return len(seen)

    use(CodeFactory(), 3)
    one = statements(NOON)
    for _ in range(6):
        use(CodeFactory(), 3, at=NOON + DAY)

    assert statements(NOON + DAY) == one
    assert CodeAlert.objects.count() == 7
