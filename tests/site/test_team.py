"""Users and roles are kept on pages that look like all the others, and their passwords stay hidden."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.urls import get_resolver

from backstage.admin.base import ModelAdmin

USERS, ROLES = "/admin/auth/user/", "/admin/auth/group/"


@pytest.mark.once
def test_users_and_roles_stand_on_the_base_of_every_other_page():
    assert get_resolver().url_patterns

    assert [isinstance(admin.site._registry[model], ModelAdmin) for model in (get_user_model(), Group)] == [
        True,
        True,
    ]


def test_every_page_of_the_team_opens_in_the_frame_of_the_others(admin_client):
    role = Group.objects.create(name="Clerks")
    user = get_user_model().objects.get()

    pages = [
        admin_client.get(address)
        for address in (
            USERS,
            f"{USERS}add/",
            f"{USERS}{user.pk}/change/",
            f"{USERS}{user.pk}/password/",
            ROLES,
            f"{ROLES}add/",
            f"{ROLES}{role.pk}/change/",
        )
    ]

    assert [page.status_code for page in pages] == [200] * len(pages)
    for page in pages:
        assert "unfold/css/styles.css" in page.content.decode()


def test_a_colleague_is_added_and_given_a_role(admin_client):
    role = Group.objects.create(name="Clerks")
    told = {"username": "ola", "password1": "a good long word", "password2": "a good long word"}

    admin_client.post(f"{USERS}add/", told | {"usable_password": "true"})
    ola = get_user_model().objects.get(username="ola")
    form = admin_client.get(f"{USERS}{ola.pk}/change/").context["adminform"].form
    dates = {"date_joined_0": "2026-03-03", "date_joined_1": "12:00:00"}
    admin_client.post(
        f"{USERS}{ola.pk}/change/",
        dates | {"username": "ola", "is_active": "on", "is_staff": "on", "groups": [role.pk]},
    )

    ola.refresh_from_db()
    assert (ola.is_staff, ola.is_superuser, list(ola.groups.all())) == (True, False, [role])
    assert ola.check_password("a good long word")
    assert "a good long word" not in str(form)


def test_a_password_that_is_too_easy_is_refused_and_nobody_is_added(admin_client):
    told = {"username": "ola", "password1": "12345678", "password2": "12345678", "usable_password": "true"}

    page = admin_client.post(f"{USERS}add/", told)

    assert page.status_code == 200
    assert "too common" in page.content.decode()
    assert get_user_model().objects.count() == 1


def test_whoever_may_not_see_the_team_is_refused(client, db):
    client.force_login(get_user_model().objects.create_user("dave", is_staff=True))

    assert [client.get(address).status_code for address in (USERS, ROLES)] == [403, 403]
