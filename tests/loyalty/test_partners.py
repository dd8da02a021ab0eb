"""Partner shops: channels by period, prices by version, one owner at a time, an end that takes the keys."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from backstage.models import AuditRecord
from backstage.operations.api_keys import KeyRefused, authenticate_key, make_key
from backstage.policies import SHOP
from commerce.operations.channels import open_channel
from loyalty.models import Partner, PartnerChannel, PartnerPrice
from loyalty.operations import partners as partners_module
from loyalty.operations.partners import (
    PartnerEnded,
    add_partner_channel,
    change_partner_price,
    end_partner,
    end_partner_channel,
    open_partner,
)
from loyalty.operations.statements import close_months
from loyalty.queries.partners import list_channel_ids
from tests.loyalty.shop import NOON, OPENED, day, open_shop

pytestmark = pytest.mark.django_db
TODAY = NOON.date()


@pytest.fixture
def programme():
    return open_shop()


def channel(key="bakery", kind="partner", **more):
    return open_channel(
        key=key, name=key.title(), kind=kind, time_zone="Europe/Oslo", currency="EUR", at=OPENED, **more
    )


def partner(programme, key="bakery", *channels, at=NOON, starts_on=TODAY, **more) -> Partner:
    told = {"issued_minor": 500, "redeemed_minor": 400, "name": key.title(), **more}
    ids = [one.id for one in channels]
    return open_partner(
        programme_id=programme.id, key=key, starts_on=starts_on, channel_ids=ids, at=at, **told
    )


def prices(of: Partner) -> list[tuple[int, str, str | None]]:
    rows = of.prices.order_by("number").values_list("issued_minor", "starts_at", "ends_at")
    return [(minor, f"{begin:%m-%d %H}", end and f"{end:%m-%d %H}") for minor, begin, end in rows]


def test_a_partner_begins_with_its_channels_and_a_price_on_a_local_day(programme):
    shop = channel()
    bakery = partner(programme, "bakery", shop)

    assert prices(bakery) == [(500, "03-02 23", None)]
    assert list_channel_ids(partner_id=bakery.id, at=NOON) == [shop.id]
    assert AuditRecord.objects.get(kind="partner_opened").after["channels"] == [shop.id]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"issued_minor": -1}, "__all__"),
        ({"redeemed_minor": 10**10}, "redeemed_minor"),
        ({"name": " "}, "name"),
        ({"key": "no spaces"}, "key"),
    ],
)
def test_what_a_partner_cannot_be_is_refused_and_nothing_is_made(programme, wrong, field):
    with pytest.raises(ValidationError) as refusal:
        partner(programme, **{"key": "bakery", **wrong})

    assert list(refusal.value.message_dict) == [field]
    assert not Partner.objects.exists()


def test_a_channel_has_one_owner_at_a_time_and_the_refusal_says_who(programme):
    shop = channel()
    bakery = partner(programme, "bakery", shop)

    with pytest.raises(ValidationError, match=r"belongs to Bakery\. End that first"):
        partner(programme, "train", shop)

    end_partner_channel(claim_id=bakery.channels.get().id, last_on=TODAY + timedelta(days=5), at=NOON)
    with pytest.raises(ValidationError, match="It is free from March 9, 2026 on"):
        partner(programme, "train", shop)
    train = partner(programme, "train", shop, starts_on=TODAY + timedelta(days=6))
    assert list_channel_ids(partner_id=train.id, at=day(7)) == [shop.id]
    assert list_channel_ids(partner_id=bakery.id, at=day(7)) == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"kind": "store"}, "a channel of your own"),
        ({"programmes": ["other"]}, "do not feed this programme"),
    ],
)
def test_only_a_partners_channel_that_feeds_the_programme_can_be_claimed(programme, made, said):
    shop = channel(**made)

    with pytest.raises(ValidationError, match=said) as refusal:
        partner(programme, "bakery", shop)

    assert list(refusal.value.message_dict) == ["channel"]
    assert not PartnerChannel.objects.exists()


def test_a_new_price_holds_from_tomorrow_at_the_earliest_and_leaves_the_past_alone(programme):
    bakery = partner(programme)

    def agree(minor, starts_on):
        change_partner_price(
            partner_id=bakery.id, issued_minor=minor, redeemed_minor=1, starts_on=starts_on, at=NOON
        )

    with pytest.raises(ValidationError, match="Choose tomorrow"):
        agree(600, TODAY)
    agree(600, TODAY + timedelta(days=10))
    agree(700, TODAY + timedelta(days=5))  # what was to come later is called off

    assert prices(bakery) == [
        (500, "03-02 23", "03-07 23"),
        (600, "03-12 23", "03-12 23"),
        (700, "03-07 23", None),
    ]


def test_nothing_begins_or_ends_in_a_closed_month(programme):
    shop, other = channel(), channel("cafe")
    bakery = partner(programme, "bakery", shop, starts_on=date(2026, 1, 10))
    close_months(programme_id=programme.id, until=NOON, at=NOON)

    with pytest.raises(ValidationError, match=r"That month is closed\. Choose March 1, 2026"):
        add_partner_channel(partner_id=bakery.id, channel_id=other.id, starts_on=date(2026, 2, 28), at=NOON)
    with pytest.raises(ValidationError, match="That month is closed"):
        end_partner_channel(claim_id=bakery.channels.get().id, last_on=date(2026, 2, 27), at=NOON)

    add_partner_channel(partner_id=bakery.id, channel_id=other.id, starts_on=date(2026, 3, 1), at=NOON)
    end_partner_channel(claim_id=bakery.channels.get(channel=shop).id, last_on=date(2026, 2, 28), at=NOON)


def test_ending_a_partner_ends_what_it_has_and_withdraws_its_keys(programme):
    bakery = partner(programme, "bakery", channel())
    change_partner_price(
        partner_id=bakery.id, issued_minor=1, redeemed_minor=1, starts_on=date(2026, 5, 1), at=NOON
    )
    with transaction.atomic():
        made = make_key(
            name="Till",
            owner_kind="partner",
            owner_id=str(bakery.id),
            scopes=["purchases", "balance"],
            request="r",
            at=NOON,
            by=SHOP,
        )
    assert authenticate_key(text=made.shown, at=NOON).owner_id == str(bakery.id)

    end_partner(partner_id=bakery.id, at=day(1))

    assert list_channel_ids(partner_id=bakery.id, at=day(1)) == []
    assert prices(bakery) == [(500, "03-02 23", "03-04 12"), (1, "04-30 22", "04-30 22")]
    with pytest.raises(KeyRefused):
        authenticate_key(text=made.shown, at=day(1))
    for deed, told in (
        (end_partner, {}),
        (add_partner_channel, {"channel_id": channel("cafe").id, "starts_on": date(2026, 4, 1)}),
    ):
        with pytest.raises(PartnerEnded):
            deed(partner_id=bakery.id, at=day(2), **told)


# -- together ------------------------------------------------------------------------------------------------


def at_once(*deeds):
    barrier = Barrier(len(deeds))

    def one(deed):
        try:
            barrier.wait(30)
            deed()
            return "claimed"
        except ValidationError:
            return "refused by the programme"
        except IntegrityError:
            return "refused by the database"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return sorted(pool.map(one, deeds))


@pytest.mark.django_db(transaction=True)
def test_two_who_claim_one_channel_at_once_are_one_owner_and_one_refusal(programme):
    shop = channel()
    both = [partner(programme, key) for key in ("bakery", "train")]

    def claim(one):
        return lambda: add_partner_channel(partner_id=one.id, channel_id=shop.id, starts_on=TODAY, at=NOON)

    assert at_once(*map(claim, both)) == ["claimed", "refused by the programme"]


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_database_refuses_the_second_claim(programme, monkeypatch):
        shop = channel()
        both = [partner(programme, key) for key in ("bakery", "train")]
        looked, check = Barrier(2), partners_module._check_free
        monkeypatch.setattr(
            partners_module, "lock_programme", lambda programme_id: type(programme).objects.get()
        )

        def check_together(*args):
            check(*args)
            looked.wait(30)

        monkeypatch.setattr(partners_module, "_check_free", check_together)

        def claim(one):
            return lambda: add_partner_channel(
                partner_id=one.id, channel_id=shop.id, starts_on=TODAY, at=NOON
            )

        assert at_once(*map(claim, both)) == ["claimed", "refused by the database"]
        assert PartnerChannel.objects.count() == 1


def test_a_price_is_never_edited(programme):
    bakery = partner(programme)
    before = PartnerPrice.objects.values().get()

    change_partner_price(
        partner_id=bakery.id, issued_minor=9, redeemed_minor=9, starts_on=date(2026, 4, 1), at=NOON
    )

    after = PartnerPrice.objects.filter(number=1).values().get()
    assert {name for name in after if after[name] != before[name]} == {"ends_at"}
