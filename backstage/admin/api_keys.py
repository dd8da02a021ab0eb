"""Keys for machines: made in a sentence, shown once, withdrawn."""

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, display
from backstage.admin.pages import find_object, page_url, show_page
from backstage.models import ApiKey
from backstage.operations.api_keys import MadeKey, make_key, withdraw_key
from backstage.registry import api_scopes, key_owners

ADD, CHANGE = "encore_backstage.add_apikey", "encore_backstage.change_apikey"


class ApiKeyForm(forms.Form):
    """Make a key for somebody, good for some things."""

    template_name = "encore/backstage/fields.html"

    request = forms.CharField(widget=forms.HiddenInput, max_length=64)
    owner = forms.ChoiceField(label=gettext_lazy("Make a key for"))
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("good for"), widget=forms.CheckboxSelectMultiple, required=False
    )
    name = forms.CharField(
        label=gettext_lazy("called"),
        max_length=80,
        help_text=gettext_lazy("Such as “Till 2”. It stands beside the key in lists and in the log."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner, scopes = self.fields["owner"], self.fields["scopes"]
        assert isinstance(owner, forms.ChoiceField)  # noqa: S101 (for the type checker)
        assert isinstance(scopes, forms.ChoiceField)  # noqa: S101
        owner.choices = [
            (kind.label, [(f"{key}:{owner_id}", name) for owner_id, name in kind.list_owners()])
            for key, kind in key_owners.items()
        ]
        scopes.choices = [(name, scope.label) for name, scope in api_scopes.items()]

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        told = self.cleaned_data
        owner_kind, _colon, owner_id = told["owner"].partition(":")
        names = ("name", "scopes", "request")
        return {"owner_kind": owner_kind, "owner_id": owner_id, **{name: told[name] for name in names}}


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of keys, and a page for each."""

    empty_text = gettext_lazy("No key yet. A till, a partner or an app of your own needs one to talk to us.")
    list_display = ("title", "owner", "good_for", "standing", "last_use")
    search_fields = ("name", "prefix")

    @display(description=gettext_lazy("name"))
    def title(self, key: ApiKey) -> str:
        return str(key)

    @display(description=gettext_lazy("for"))
    def owner(self, key: ApiKey) -> str:
        return name_owner(key)

    @display(description=gettext_lazy("good for"))
    def good_for(self, key: ApiKey) -> str:
        return ", ".join(say_scopes(key))

    @display(description=gettext_lazy("state"), label={"in_use": "success", "withdrawn": "danger"})
    def standing(self, key: ApiKey) -> tuple[str, str]:
        return ("withdrawn", _("withdrawn")) if key.withdrawn_at else ("in_use", _("in use"))

    @display(description=gettext_lazy("last used"))
    def last_use(self, key: ApiKey) -> str:
        return date_format(key.last_used_on, "DATE_FORMAT") if key.last_used_on else _("never")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let a key be made: not by Django's form, but by the one above."""
        return bool(request.user.has_perm(ADD))

    def get_urls(self) -> list[URLPattern]:
        """Add the address that withdraws a key."""
        return [page_url(self, "withdraw", require_POST(self.withdraw_view)), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a key from a sentence, and show it in the answer, which nothing on the way keeps."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            owner = request.GET.get("owner", "")
            return self._show_form(
                request, ApiKeyForm(initial={"request": secrets.token_urlsafe(24), "owner": owner})
            )
        form = ApiKeyForm(request.POST)
        if form.is_valid():
            try:
                with transaction.atomic():
                    made = make_key(**form.read(), at=clock.now(), by=by_staff(request.user))
                return self._show(request, made)
            except ValidationError as error:
                for name, texts in error.message_dict.items():
                    form.add_error(name, texts)
        return self._show_form(request, form)

    def _show_form(self, request: HttpRequest, form: ApiKeyForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Make an API key"),
            "opts": self.opts,
            "list_address": reverse("admin:encore_backstage_apikey_changelist"),
            "form": form,
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "encore/backstage/api_key_form.html", context, status=status)

    def _show(self, request: HttpRequest, made: MadeKey) -> HttpResponse:
        return show_page(
            self,
            request,
            obj=made.row,
            template="encore/backstage/api_key_made.html",
            row=made.row,
            shown=made.shown,
            owner=name_owner(made.row),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one key: whose it is, what it is good for, when it was used."""
        row: ApiKey = find_object(self, request, object_id)
        return show_page(
            self,
            request,
            obj=row,
            template="encore/backstage/api_key.html",
            row=row,
            owner=name_owner(row),
            scopes=say_scopes(row),
            last_use=self.last_use(row),
            may_withdraw=request.user.has_perm(CHANGE) and row.withdrawn_at is None,
        )

    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw a key."""
        row: ApiKey = find_object(self, request, object_id)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        with transaction.atomic():
            withdraw_key(key_id=row.pk, at=clock.now(), by=by_staff(request.user))
        messages.success(request, _("Withdrawn. Whoever shows this key from now on is refused."))
        return redirect("admin:encore_backstage_apikey_change", row.pk)


def name_owner(key: ApiKey) -> str:
    """Name whom a key is for, also where the app that knows them is gone."""
    if key.owner_kind not in key_owners:
        return f"{key.owner_kind} {key.owner_id}"
    return key_owners.get(key.owner_kind).name_owner(key.owner_id)


def say_scopes(key: ApiKey) -> list[str]:
    """Say what a key is good for."""
    return [str(api_scopes.get(name).label) if name in api_scopes else name for name in key.scopes]
