"""The owner's screens of coupons: the builder with its preview, the list, and the page of each."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from coupons.models import Code, Coupon, CouponVersion
from coupons.queries.coupon_use import get_use
from tests.factories.commerce import (
    ChannelFactory,
    CustomerFactory,
    ProductFactory,
    PurchaseFactory,
    PurchaseLineFactory,
    SegmentFactory,
)
from tests.factories.coupons import (
    NOON,
    CodeBatchFactory,
    CodeFactory,
    CouponFactory,
    CouponOrderFactory,
    CouponVersionFactory,
    RedemptionFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def shop(clock):
    clock.move_to(NOON)
    return ChannelFactory(time_zone="Europe/Oslo")


def at(page="changelist", *args):
    return reverse(f"admin:encore_coupons_coupon_{page}", args=args)


def filled(**changes):
    """The form of 20 % off by the code BEANS20 from 4 to 10 March."""
    return {
        "name": "Beans",
        "kind": "percent",
        "percent": "20",
        "currency": "EUR",
        "sale_goods": "any",
        "codes": "one",
        "code": "beans-20",
        "starts_on": "2026-03-04",
        "ends_on": "2026-03-10",
        "time_zone": "Europe/Oslo",
        "together": "best",
        **changes,
    }


def save(client, **changes):
    return client.post(at("add"), {**filled(**changes), "save": "1"})


def sell(name="Coffee", sold_minor=1000, cost_minor=300, **purchase):
    row = PurchaseFactory(placed_at=NOON - DAY, channel=ChannelFactory(), **purchase)
    PurchaseLineFactory(
        purchase=row, key="1", sku=name, name=name, quantity=1, sold_minor=sold_minor, cost_minor=cost_minor
    )
    return row


# -- the builder ---------------------------------------------------------------------------------------------


def test_a_coupon_is_drafted_in_a_sentence_on_whole_days_of_its_zone(admin_client):
    answer = save(admin_client, limit_total="300", limit_per_customer="1", budget="150.50", text_en="Beans!")

    coupon = Coupon.objects.get()
    assert answer.url == at("change", coupon.pk)
    assert (coupon.state, coupon.limit_total, coupon.limit_per_customer) == ("draft", 300, 1)
    assert (coupon.budget_minor, coupon.public_text) == (15_050, {"en": "Beans!"})
    assert coupon.starts_at == datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert coupon.ends_at == datetime(2026, 3, 10, 23, tzinfo=UTC)
    version, code = CouponVersion.objects.get(), Code.objects.get()
    assert (version.kind, version.percent, version.lane, version.is_exclusive) == (
        "percent",
        20,
        "main",
        False,
    )
    assert (code.code, code.written, code.kind) == ("BEANS20", "beans-20", "shared")


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"kind": "amount", "amount": "5"}, {"amount_minor": 500, "percent": None}),
        ({"kind": "shipping"}, {"amount_minor": None, "percent": None}),
        ({"kind": "product", "amount": "0", "pieces": "1"}, {"amount_minor": 0, "pieces": 1}),
        (
            {"kind": "buy_get", "percent": "100", "buy_pieces": "2", "get_pieces": "1", "most_times": "3"},
            {"buy_pieces": 2, "get_pieces": 1, "most_times": 3, "percent": 100},
        ),
        (
            {
                "kind": "buy_get",
                "percent": "100",
                "buy_pieces": "2",
                "get_pieces": "1",
                "category_paths": ["coffee"],
                "get_category_paths": ["mugs"],
                "get_skus": ["MUG"],
            },
            {
                "category_paths": ["coffee"],
                "get_category_paths": ["mugs"],
                "get_brands": [],
                "get_skus": ["MUG"],
            },
        ),
        ({"get_brands": ["Nord"]}, {"get_brands": []}),  # of a percentage nobody gets anything
        ({"minimum": "30.00", "most": "9.99"}, {"minimum_minor": 3000, "most_minor": 999}),
        ({"together": "adds", "lane": "season"}, {"lane": "season", "is_exclusive": False}),
        ({"together": "alone"}, {"lane": "main", "is_exclusive": True}),
        ({"skus": ["A", "B"], "except_brands": ["Kaffe"]}, {"skus": ["A", "B"], "except_brands": ["Kaffe"]}),
        ({"channels": ["web"], "first_order_only": "on"}, {"channels": ["web"], "first_order_only": True}),
        ({"buy_pieces": "2", "pieces": "7", "amount": "5"}, {"buy_pieces": None, "pieces": None}),
    ],
)
def test_every_gap_says_what_it_says(admin_client, changes, terms):
    save(admin_client, **changes)

    version = CouponVersion.objects.get()
    assert {name: getattr(version, name) for name in terms} == terms


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_on": ""}, "ends_on"),
        ({"is_endless": "on"}, "ends_on"),
        ({"ends_on": "2026-03-01", "starts_on": "2026-03-02"}, "ends_on"),
        ({"ends_on": "2026-02-01", "starts_on": "2026-01-02"}, "ends_on"),
        ({"percent": "0"}, "percent"),
        ({"percent": ""}, "percent"),
        ({"kind": "amount", "amount": ""}, "amount"),
        ({"kind": "amount", "amount": "5.001"}, "amount"),
        ({"kind": "amount", "amount": "5", "currency": ""}, "currency"),
        ({"budget": "5", "currency": ""}, "currency"),
        ({"code": ""}, "code"),
        ({"code": "x!"}, "code"),
        ({"code": "taken"}, "code"),
        ({"name": ""}, "name"),
    ],
)
def test_what_is_wrong_is_said_beside_its_gap_and_nothing_is_saved(admin_client, changes, field):
    CodeFactory(code="TAKEN", coupon__name="Other")

    answer = save(admin_client, **changes)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert [coupon.name for coupon in Coupon.objects.all()] == ["Other"]


def test_a_coupon_by_itself_and_one_of_many_codes_have_no_code_yet(admin_client):
    save(admin_client, codes="none", name="By itself", code="")
    save(admin_client, codes="many", name="Flyers", code="")

    assert dict(Coupon.objects.values_list("name", "is_automatic")) == {"By itself": True, "Flyers": False}
    assert Code.objects.count() == 0


def test_who_wants_many_codes_is_led_on_to_making_them_until_there_are_some(admin_client):
    answer = save(admin_client, codes="many", name="Flyers", code="")

    coupon = Coupon.objects.get()
    making = reverse("admin:encore_coupons_codebatch_add") + f"?coupon={coupon.pk}"
    assert answer.url == making
    form = admin_client.get(making)
    assert form.context["form"]["coupon"].value() == str(coupon.pk)
    assert form.context["back"] == at("change", coupon.pk)
    page = admin_client.get(at("change", coupon.pk))
    assert (page.context["codes"].is_missing, page.context["codes"].make_address) == (True, making)
    assert "It has no code that could be used" in page.content.decode()

    CodeBatchFactory(coupon=coupon, name="May", wanted_count=1500, made_count=1500, used_count=40)
    CodeBatchFactory(coupon=coupon, name="June", state="void", wanted_count=9, made_count=9, voided_at=NOON)
    changed = {**filled(codes="many", name="Flyers", code=""), "save": "1"}
    assert admin_client.post(at("edit", coupon.pk), changed).url == at("change", coupon.pk)
    codes = admin_client.get(at("change", coupon.pk)).context["codes"]
    assert codes.is_missing is False
    assert codes.sums == "1,509 codes in batches, 40 of them used."
    assert [(row["name"], row["state"], row["made"], row["used"], row["free"]) for row in codes.batches] == [
        ("June", "Void", "9", "0", "0"),
        ("May", "Ready", "1,500", "40", "1,460"),
    ]


def test_who_makes_no_codes_is_told_that_some_are_missing_and_not_led_where_they_may_not_go(
    client, django_user_model
):
    user = django_user_model.objects.create_user("ola", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_coupon", "add_coupon"]))
    client.force_login(user)

    answer = save(client, codes="many", code="")

    coupon = Coupon.objects.get()
    assert answer.url == at("change", coupon.pk)
    codes = client.get(answer.url).context["codes"]
    assert (codes.is_missing, codes.make_address) == (True, "")


def test_a_coupon_by_itself_and_one_that_has_ended_ask_for_no_codes(admin_client):
    alone = CouponVersionFactory(coupon__is_automatic=True).coupon
    over = CouponVersionFactory(coupon__state="ended", coupon__ended_at=NOON).coupon

    told = [admin_client.get(at("change", coupon.pk)).context["codes"] for coupon in (alone, over)]

    assert [(codes.is_missing, codes.make_address) for codes in told] == [(False, ""), (False, "")]


def test_the_preview_speaks_while_somebody_types_and_saves_nothing(admin_client):
    sell()

    page = admin_client.post(at("preview"), filled()).content.decode()

    assert "You keep €7.00 → €5.00 (−29%)." in page
    assert "You need 40% more orders to earn the same." in page
    assert "from March 4, 2026 to the end of March 10, 2026" in page
    assert Coupon.objects.count() == 0
    half = admin_client.post(at("preview"), {"name": "Beans"}).content.decode()
    assert "Fill in what is missing" in half


def test_below_cost_is_saved_only_with_a_tick_and_other_warnings_never_stop_anybody(admin_client):
    sell("Gift mug", sold_minor=1000, cost_minor=880)
    CodeFactory(code="BEAN20", coupon__name="Old beans")

    asked = save(admin_client)
    page = asked.content.decode()
    assert (asked.status_code, Coupon.objects.count()) == (422, 1)
    assert "Sold below cost: Gift mug. You lose €0.80 on an order." in page
    assert "Customers will mistype." in page
    assert "is_meant" in page
    typed_on = admin_client.post(at("preview"), filled(is_meant="1")).content.decode()
    assert 'name="is_meant" value="1" checked' in typed_on

    assert save(admin_client, is_meant="1").status_code == 302
    assert Coupon.objects.filter(name="Beans").count() == 1


def test_goods_are_picked_and_left_out_by_name(admin_client):
    ProductFactory(sku="MUG-A", name="Red mug")

    found = admin_client.post(at("add"), {**filled(), "find": "mug", "search": "1"})
    assert "Leave out Red mug" in found.content.decode()
    assert found.status_code == 200
    picked = admin_client.post(at("add"), {**filled(), "add": "except_skus=MUG-A"})
    assert picked.context["form"]["except_skus"].value() == "MUG-A"
    assert "Red mug" in picked.content.decode()


@pytest.mark.parametrize(
    "card", ["percent", "amount", "shipping", "welcome", "second", "free", "nonsense", ""]
)
def test_every_card_begins_a_form_that_can_be_shown(admin_client, card):
    SegmentFactory()

    answer = admin_client.get(at("add"), {"card": card})

    begun = answer.context["form"]
    assert answer.status_code == 200
    assert (begun["starts_on"].value(), begun["currency"].value()) == (date(2026, 3, 4), "EUR")


def test_the_form_of_a_stored_coupon_says_what_it_says_and_saving_it_changes_nothing(admin_client):
    save(
        admin_client, kind="amount", amount="5", minimum="30", budget="99", skus=["A"], lane="season",
        together="adds", text_nb="Bønner", limit_total="3", is_public="on",
    )  # fmt: skip
    coupon = Coupon.objects.get()
    before = (vars(coupon), vars(CouponVersion.objects.get()))

    form = admin_client.get(at("edit", coupon.pk)).context["form"]
    told = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in told.items() if value not in (None, False, [])}
    answer = admin_client.post(at("edit", coupon.pk), {**sent, "save": "1"})

    after = (vars(Coupon.objects.get()), vars(CouponVersion.objects.get()))
    assert answer.status_code == 302
    for was, now in zip(before, after, strict=True):
        assert {**was, "_state": None} == {**now, "_state": None}


def test_goods_to_get_are_picked_and_told_apart_from_those_to_buy(admin_client):
    ProductFactory(sku="MUG", name="Gift mug", brand="Nord")
    told = filled(
        kind="buy_get", percent="100", buy_pieces="2", get_pieces="1", category_paths=["food/coffee"]
    )

    found = admin_client.post(at("add"), {**told, "find": "gift", "search": "1"}).content.decode()
    assert 'value="get_skus=MUG"' in found
    assert 'data-encore-for="kind=buy_get"' in found
    picked = admin_client.post(at("add"), {**told, "add": "get_skus=MUG"})
    assert picked.context["form"]["get_skus"].value() == "MUG"
    preview = admin_client.post(at("preview"), {**told, "get_skus": ["MUG"]}).context["preview"]

    assert preview["promise"] == "Buy 2, get 1 free"
    assert preview["conditions"] == ["To buy: coffee.", "To get: Gift mug."]
    assert (
        'value="get_skus'
        not in admin_client.post(at("add"), {**filled(), "find": "gift", "search": "1"}).content.decode()
    )


def test_a_change_of_what_runs_is_a_new_version_and_keeps_the_moment_of_its_end(admin_client):
    save(admin_client)
    coupon = Coupon.objects.get()
    admin_client.post(at("start", coupon.pk))
    Coupon.objects.update(ends_at=NOON + 3 * DAY)  # a moment that no form tells

    admin_client.post(at("edit", coupon.pk), {**filled(percent="30", ends_on="2026-03-06"), "save": "1"})

    coupon.refresh_from_db()
    percents = list(coupon.versions.order_by("number").values_list("percent", flat=True))
    assert (percents, coupon.ends_at) == ([20, 30], NOON + 3 * DAY)


# -- the page and the list -----------------------------------------------------------------------------------


def test_a_coupon_is_switched_on_paused_ended_and_a_draft_thrown_away(admin_client):
    save(admin_client)
    coupon = Coupon.objects.get()
    seen = []
    for deed in ("start", "pause", "start", "end"):
        admin_client.post(at(deed, coupon.pk))
        coupon.refresh_from_db()
        seen.append((coupon.state, admin_client.get(at("change", coupon.pk)).context["standing"]))

    assert seen == [("on", "Scheduled"), ("paused", "Paused"), ("on", "Scheduled"), ("ended", "Ended")]
    assert admin_client.get(at("edit", coupon.pk)).status_code == 404
    draft = CouponVersionFactory(coupon__state="draft", starts_at=None).coupon
    assert admin_client.post(at("discard", draft.pk)).url == at()
    assert list(Coupon.objects.all()) == [coupon]


def test_the_page_says_use_cost_and_what_was_kept(admin_client):
    version = CouponVersionFactory(coupon__limit_total=10)
    for number, cost in enumerate((300, None, 500)):
        who = CustomerFactory()
        order = CouponOrderFactory(customer=who, reference=f"R{number}")
        sell(sold_minor=800, cost_minor=cost, reference=f"R{number}", codes=["BEANS20"])
        RedemptionFactory(version=version, customer=who, order=order, used_at=NOON, returned_minor=50)
    RedemptionFactory(version=version, state="voided", order__state="voided", order__voided_at=NOON)

    use = get_use(version.coupon, NOON)
    assert (use.uses, use.customers, use.off_minor) == (3, 3, 450)
    assert (use.looked_at, use.known, use.sold_minor, use.kept_minor) == (3, 2, 1600, 800)
    assert use.by_day == {date(2026, 3, 3): 3}
    page = admin_client.get(at("change", version.coupon.pk)).content.decode()
    for said in (
        "of 10",
        "€4.50",
        "€8.00 of €16.00 (50%), in the newest 2 orders",
        "3 orders in four weeks.",
    ):
        assert said in page


def test_the_list_shows_the_next_six_weeks_and_what_overlaps(admin_client):
    CouponVersionFactory(coupon__name="Autumn", lane="season")
    CouponVersionFactory(coupon__name="Beans", coupon__starts_at=NOON + 7 * DAY, coupon__limit_total=9)
    CouponVersionFactory(coupon__name="Later", coupon__starts_at=NOON + 70 * DAY)

    page = admin_client.get(at())

    strip = page.context["strip"]
    assert [(bar["coupon"].name, bar["left"]) for bar in strip["bars"]] == [("Autumn", 0.0), ("Beans", 16.7)]
    assert strip["overlaps"] == ("2 pairs of coupons add up on the same goods, such as “Later” and “Autumn”.")
    assert "0 of 9" in page.content.decode()


def test_a_long_list_takes_as_many_statements_as_a_short_one(admin_client, django_assert_max_num_queries):
    for number in range(15):
        CouponVersionFactory(coupon__name=f"Coupon {number}")

    with django_assert_max_num_queries(7):
        admin_client.get(at())


def test_the_page_of_a_coupon_takes_few_statements(admin_client, django_assert_max_num_queries):
    version = CouponVersionFactory()
    for number in range(10):
        RedemptionFactory(version=version, order__reference=f"R{number}")

    with django_assert_max_num_queries(12):
        admin_client.get(at("change", version.coupon.pk))


def test_who_may_only_look_changes_nothing(client, django_user_model):
    user = django_user_model.objects.create_user("ola", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_coupon"))
    client.force_login(user)
    coupon = CouponVersionFactory().coupon

    asked = [
        client.get(at("add")),
        client.post(at("preview"), filled()),
        client.get(at("edit", coupon.pk)),
        client.post(at("pause", coupon.pk)),
    ]

    assert {answer.status_code for answer in asked} == {403}
    assert client.get(at("change", coupon.pk)).context["may_change"] is False
    coupon.refresh_from_db()
    assert coupon.state == "on"


def test_a_coupon_that_nobody_used_has_an_empty_page(admin_client):
    coupon = CouponFactory(currency="")
    CouponVersionFactory(coupon=coupon, kind="shipping", percent=None)

    page = admin_client.get(at("change", coupon.pk)).content.decode()

    assert "Free shipping" in page
