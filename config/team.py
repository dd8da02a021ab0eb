"""The pages of Django's own users and roles, on the admin base that every other page stands on.

In the stand-alone project alone: a shop's own site has registered its users as it wants them.
"""

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from backstage.admin.base import ModelAdmin

if apps.is_installed("unfold"):
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
else:
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm


class TeamAdmin(UserAdmin, ModelAdmin):
    """Who may sign in, with which roles. Colleagues are taken out one by one, never by the list."""

    actions = None
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


class RoleAdmin(GroupAdmin, ModelAdmin):
    """What a role may do."""

    actions = None


def register_team(site: AdminSite) -> None:
    """Put our pages in the place of Django's own."""
    for model, page in ((User, TeamAdmin), (Group, RoleAdmin)):
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, page)
