"""Keys for machines: shown once, stored as a digest, one answer for what is no key, withdrawn for good."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from backstage.models import ApiKey, AuditRecord
from backstage.operations import api_keys
from backstage.operations.api_keys import (
    KeyRefused,
    authenticate_key,
    make_key,
    withdraw_key,
    withdraw_keys_of,
)
from backstage.policies import SHOP, By
from tests.backstage.conftest import AT, at_once
from tests.factories.commerce import ChannelFactory

pytestmark = pytest.mark.django_db
HOME = "/admin/encore_backstage/apikey/"


@pytest.fixture
def till(db):
    return ChannelFactory(key="store", name="Store")


def make(channel, request="r1", by=SHOP, at=AT, **more):
    told = {"name": "Till 2", "owner_kind": "channel", "owner_id": str(channel.pk), "scopes": ["purchases"]}
    with transaction.atomic():
        return make_key(**(told | more), request=request, at=at, by=by)


def withdraw(row, at=AT):
    with transaction.atomic():
        return withdraw_key(key_id=row.pk, at=at, by=SHOP)


def test_a_key_opens_for_its_owner_and_its_scopes(till):
    made = make(till)

    holder = authenticate_key(text=made.shown, at=AT)

    assert (holder.owner_kind, holder.owner_id, holder.scopes) == ("channel", str(till.pk), {"purchases"})
    assert made.shown.startswith(f"encore_{made.row.prefix}_")


def test_the_database_holds_nothing_to_call_with(till):
    shown = make(till).shown
    secret = shown[-32:]

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM encore_backstage_apikey")
        kept = repr(cursor.fetchall())
        cursor.execute("SELECT * FROM encore_backstage_auditrecord")
        logged = repr(cursor.fetchall())

    assert secret not in kept + logged
    assert "r1" not in kept


def test_what_is_no_key_gets_one_answer(till):
    made = make(till)
    other = make(till, "r2")
    withdraw(other.row)
    wrong = made.shown[:-1] + ("A" if made.shown[-1] != "A" else "B")

    said = set()
    for text in (wrong, other.shown, "encore_abcdefgh_" + "x" * 32, "", "Bearer", made.shown + "\n"):
        with pytest.raises(KeyRefused) as refusal:
            authenticate_key(text=text, at=AT)
        said.add(str(refusal.value))

    assert said == {"This key is not valid. Ask the shop for a new one."}
    assert ApiKey.objects.filter(last_used_on__isnull=False).count() == 0


def test_an_unknown_key_is_compared_too(till, monkeypatch):
    compared = []
    monkeypatch.setattr(api_keys, "is_same", lambda *digests: bool(compared.append(digests)))

    with pytest.raises(KeyRefused):
        authenticate_key(text="nonsense", at=AT)

    assert len(compared) == 1


def test_the_last_use_is_noted_by_the_day(till, django_assert_num_queries):
    made = make(till)
    with django_assert_num_queries(2):
        authenticate_key(text=made.shown, at=AT)
    with django_assert_num_queries(1):
        authenticate_key(text=made.shown, at=AT + timedelta(hours=1))

    made.row.refresh_from_db()
    assert made.row.last_used_on == AT.date()


def test_a_double_click_is_one_key_and_shows_it_to_the_same_person_for_two_minutes(till):
    first, again = make(till), make(till)
    stranger = make(till, by=By("staff", "7"))
    late = make(till, at=AT + timedelta(minutes=3))

    assert (again.row.pk, again.shown) == (first.row.pk, first.shown)
    assert [(one.row.pk, one.shown) for one in (stranger, late)] == [(first.row.pk, "")] * 2
    assert ApiKey.objects.count() == 1
    assert list(AuditRecord.objects.values_list("kind", flat=True)) == ["api_key_made"]


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_are_one_key(till):
    first, second = at_once(lambda: make(till), lambda: make(till))

    assert first.shown == second.shown
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"owner_kind": "nobody"}, "owner"),
        ({"owner_id": "0"}, "owner"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
    ],
)
def test_what_a_key_cannot_be_is_refused_beside_its_field_and_nothing_is_made(till, wrong, field):
    with pytest.raises(ValidationError) as refusal:
        make(till, **wrong)

    assert list(refusal.value.message_dict) == [field]
    assert not ApiKey.objects.exists()


def test_all_keys_of_an_owner_are_withdrawn_at_once_and_once(till):
    other = make(ChannelFactory(key="web"), "r3")
    keys = [make(till), make(till, "r2")]

    with transaction.atomic():
        told = {"owner_kind": "channel", "owner_id": str(till.pk), "at": AT, "by": SHOP}
        assert (withdraw_keys_of(**told), withdraw_keys_of(**told)) == (2, 0)

    assert not withdraw(keys[0].row)
    assert AuditRecord.objects.filter(kind="api_key_withdrawn").count() == 2
    authenticate_key(text=other.shown, at=AT)


# -- in the admin --------------------------------------------------------------------------------------------


def typed(till, **more):
    return {"request": "q1", "owner": f"channel:{till.pk}", "scopes": ["purchases"], "name": "Till 2", **more}


def test_the_owner_makes_a_key_sees_it_once_and_withdraws_it(admin_client, till, clock):
    clock.move_to(AT)
    page = admin_client.post(f"{HOME}add/", typed(till))
    row = ApiKey.objects.get()
    shown = page.context["shown"]
    assert shown in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert authenticate_key(text=shown, at=AT).key_id == row.pk

    look = admin_client.get(f"{HOME}{row.pk}/change/").content.decode()
    assert shown not in look
    assert "telling orders and returns" in look
    assert "Till 2" in admin_client.get(HOME).content.decode()

    admin_client.post(f"{HOME}{row.pk}/withdraw/")
    with pytest.raises(KeyRefused):
        authenticate_key(text=shown, at=AT)


@pytest.mark.parametrize(("wrong", "field"), [({"name": ""}, "name"), ({"scopes": []}, "scopes")])
def test_a_form_that_is_not_right_is_shown_again(admin_client, till, wrong, field, clock):
    clock.move_to(AT)
    page = admin_client.post(f"{HOME}add/", typed(till, **wrong))

    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert not ApiKey.objects.exists()


def test_whoever_may_not_make_keys_is_refused(client, django_user_model, till, clock):
    clock.move_to(AT)
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    row = make(till).row

    assert client.post(f"{HOME}add/", typed(till)).status_code == 403
    assert client.post(f"{HOME}{row.pk}/withdraw/").status_code == 403
    assert ApiKey.objects.get().withdrawn_at is None
