"""What staff see and do about coupon sites, sheets and codes that spread."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from coupons.models import Code, PublisherSite, Submission
from tests.factories.commerce import CustomerFactory
from tests.factories.coupons import (
    LONG_AGO,
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
LISTS = ("publishersite", "submission", "codealert")


@pytest.fixture(autouse=True)
def noon(clock):
    clock.move_to(NOON)


def at(model, page="changelist", *args):
    return reverse(f"admin:encore_coupons_{model}_{page}", args=args)


def use(code, times):
    version = CouponVersionFactory(coupon=code.coupon)
    for _ in range(times):
        who = CustomerFactory()
        RedemptionFactory(version=version, code=code, customer=who, order=CouponOrderFactory(customer=who))


def test_a_site_is_added_changed_and_ended_on_its_page(admin_client):
    add = {"name": "Klub", "language": "nb", "title_length": "30"}

    answer = admin_client.post(at("publishersite", "add"), add)

    site = PublisherSite.objects.get()
    assert answer.url == at("publishersite", "change", site.pk)
    admin_client.post(at("publishersite", "edit", site.pk), {**add, "title_length": "40"})
    admin_client.post(at("publishersite", "renew", site.pk))
    admin_client.post(at("publishersite", "end", site.pk))
    ended = PublisherSite.objects.get()
    assert (ended.title_length, ended.ended_at) == (40, NOON)
    assert ended.feed_key != site.feed_key
    assert admin_client.get(at("publishersite", "edit", site.pk)).status_code == 404


def test_two_sites_of_one_name_are_refused_beside_the_field(admin_client):
    PublisherSiteFactory(name="Klub")

    answer = admin_client.post(at("publishersite", "add"), {"name": "Klub", "language": "nb"})

    assert (answer.status_code, PublisherSite.objects.count()) == (422, 1)
    assert answer.context["form"].errors.keys() == {"name"}


def test_a_sheet_begins_with_the_coupons_own_terms_in_the_language_of_the_site(admin_client):
    site = PublisherSiteFactory(name="Klub", language="en")
    coupon = CouponFactory(name="Beans", is_public=True, public_text={"en": "Fresh beans"})
    CouponVersionFactory(coupon=coupon, minimum_minor=3000)
    CodeFactory(coupon=coupon, code="BEANS20")
    address = f"{at('submission', 'add')}?site={site.pk}&coupon={coupon.pk}"

    assert "Beans" in admin_client.get(f"{at('submission', 'add')}?site={site.pk}").content.decode()
    form = admin_client.get(address).context["form"]
    assert form.initial == {
        "title": "20% off",
        "text": "Fresh beans",
        "terms_text": "From €30.00 on.",
        "code": "BEANS20-KLUB",
    }

    too_long = admin_client.post(address, {**form.initial, "title": "x" * 31})
    assert (too_long.status_code, Submission.objects.count()) == (422, 0)
    assert too_long.context["form"].errors["title"] == ["31 letters; Klub takes at most 30. Shorten it."]
    admin_client.post(address, form.initial)
    assert Submission.objects.get().code.code == "BEANS20KLUB"


def test_a_sheet_is_copied_sent_and_taken_down_when_its_coupon_is_over(admin_client, clock):
    sheet = SubmissionFactory(text="Fresh beans")
    page = at("submission", "change", sheet.pk)

    said = admin_client.get(page).content.decode()
    assert "7 of 30 letters" in said
    assert "11 letters" in said
    for deed in ("submitted", "live"):
        admin_client.post(at("submission", deed, sheet.pk))
    assert admin_client.get(page).context["standing"] == "Live"

    coupon = sheet.coupon
    coupon.is_public = False
    coupon.save()
    due = admin_client.get(page)
    assert (due.context["standing"], due.context["is_due"]) == ("To be withdrawn", True)
    listed = admin_client.get(f"{at('submission')}?due=down").context["cl"].result_list
    assert [row.pk for row in listed] == [sheet.pk]
    admin_client.post(at("submission", "withdrawn", sheet.pk))
    assert Submission.objects.get().withdrawn_at == NOON
    assert list(admin_client.get(f"{at('submission')}?due=down").context["cl"].result_list) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_at": NOON, "is_endless": False},
        {"state": "paused", "paused_at": NOON},
        {"state": "ended", "ended_at": NOON},
        {"limit_total": 1, "used_count": 1},
        {"budget_minor": 100, "spent_minor": 100},
        {"is_public": False},
        {},
    ],
)
def test_the_list_of_what_has_to_come_down_agrees_with_each_page(admin_client, changes):
    coupon = CouponFactory(**{"is_public": True, **changes})
    sheet = SubmissionFactory(coupon=coupon, state="live", live_at=LONG_AGO)

    listed = admin_client.get(f"{at('submission')}?due=down").context["cl"].result_list
    page = admin_client.get(at("submission", "change", sheet.pk))

    assert (len(listed) == 1) is page.context["is_due"] is bool(changes)


def test_a_sites_page_shows_what_each_code_brings_with_bars(admin_client):
    site = PublisherSiteFactory()
    busy, quiet = SubmissionFactory(site=site, title="Busy"), SubmissionFactory(site=site, title="Quiet")
    use(busy.code, 4)
    use(quiet.code, 1)

    page = admin_client.get(at("publishersite", "change", site.pk))

    told = [
        (row["submission"].title, row["recent"], row["width"], row["off"]) for row in page.context["sheets"]
    ]
    assert told == [("Quiet", "1", 25.0, "€2.00"), ("Busy", "4", 100.0, "€8.00")]
    assert f"/coupons/sites/{site.feed_key}/feed.json" in page.content.decode()


def test_a_code_that_spread_is_paused_with_one_deed(admin_client):
    alert = CodeAlertFactory()
    use(alert.code, 3)
    page = admin_client.get(at("codealert", "change", alert.pk))
    assert [name for name, _meaning, _label in page.context["deeds"]] == ["pause", "dismiss"]
    assert "30 unrelated customers; usual: 0" in page.content.decode()

    admin_client.post(at("codealert", "pause", alert.pk))

    assert Code.objects.get().state == "paused"
    again = admin_client.post(at("codealert", "dismiss", alert.pk), follow=True)
    assert "settled" in again.content.decode()
    admin_client.post(at("codealert", "resume", alert.pk))
    assert Code.objects.get().state == "ready"


@pytest.mark.parametrize("model", LISTS)
def test_a_long_list_takes_as_many_statements_as_a_short_one(
    admin_client, model, django_assert_max_num_queries
):
    make = {
        "publishersite": PublisherSiteFactory,
        "submission": SubmissionFactory,
        "codealert": CodeAlertFactory,
    }
    for _ in range(12):
        make[model]()

    with django_assert_max_num_queries(4):
        assert admin_client.get(at(model)).status_code == 200


def test_who_may_only_look_changes_nothing(client, django_user_model):
    user = django_user_model.objects.create_user("ola", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{name}" for name in LISTS]))
    client.force_login(user)
    sheet, alert = SubmissionFactory(), CodeAlertFactory()

    pages = [
        client.post(at("submission", "live", sheet.pk)),
        client.post(at("codealert", "pause", alert.pk)),
        client.post(at("publishersite", "end", sheet.site_id)),
        client.get(at("publishersite", "add")),
        client.get(at("submission", "add")),
    ]

    assert {page.status_code for page in pages} == {403}
    assert client.get(at("submission", "change", sheet.pk)).status_code == 200
    sheet.refresh_from_db()
    assert (sheet.state, Code.objects.filter(state="paused").count()) == ("prepared", 0)
