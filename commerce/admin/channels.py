"""Channels: where the shop sells."""

from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, by_staff, column
from backstage.operations import audit
from backstage.policies.names import nearest
from commerce.models import Channel
from commerce.policies.snapshot import CURRENCIES


class ChannelForm(forms.ModelForm):
    """What a channel leaves unsaid in its orders: currency, time zone, country."""

    class Meta:
        model = Channel
        fields = ("name", "key", "kind", "currency", "time_zone", "country", "as_of_kind", "programmes")
        labels = {
            "name": gettext_lazy("Name"),
            "key": gettext_lazy("Key"),
            "kind": gettext_lazy("Kind"),
            "currency": gettext_lazy("Currency"),
            "time_zone": gettext_lazy("Time zone"),
            "country": gettext_lazy("Country"),
            "as_of_kind": gettext_lazy("Which of two messages is newer"),
            "programmes": gettext_lazy("Programmes"),
        }
        help_texts = {
            "key": gettext_lazy("The name that orders come with. It stays for good."),
            "currency": gettext_lazy("A code of three letters, such as EUR."),
            "time_zone": gettext_lazy("Such as Europe/Oslo."),
            "country": gettext_lazy(
                "Two letters, such as NO: whose phone numbers have no prefix. May stay empty."
            ),
            "as_of_kind": gettext_lazy("How orders say which of two messages is the newer one."),
            "programmes": gettext_lazy(
                'The keys of the programmes that it feeds: ["club"]. Empty feeds every one.'
            ),
        }

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"].strip().upper()
        if code not in CURRENCIES:
            raise forms.ValidationError(
                _("There is no currency %(code)s. Write a code such as EUR.") % {"code": code}
            )
        return code

    def clean_country(self) -> str:
        code: str = self.cleaned_data["country"].strip().upper()
        if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
            raise forms.ValidationError(_("Write two letters such as NO, or nothing."))
        return code

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip()
        known = available_timezones()
        if name not in known:
            told = {"name": name, "example": nearest(name, known) or "Europe/Oslo"}
            raise forms.ValidationError(
                _("There is no time zone %(name)s. Write one such as %(example)s.") % told
            )
        return name

    def clean_programmes(self) -> list[str]:
        keys = self.cleaned_data["programmes"] or []
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise forms.ValidationError(_('Write a list of keys: ["club"], or [] for every programme.'))
        return keys


@admin.register(Channel)
class ChannelAdmin(KeysetModelAdmin):
    """The list of channels; each can be changed, none can be deleted once orders came through it."""

    keyset = "key"
    form = ChannelForm
    empty_text = gettext_lazy("No channel yet. Add the web shop or a store, so that its orders can arrive.")
    list_display = (
        column("name", gettext_lazy("name")),
        column("key", gettext_lazy("key")),
        column("kind", gettext_lazy("kind")),
        column("currency", gettext_lazy("currency")),
        column("time_zone", gettext_lazy("time zone")),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        """Keep what orders already refer to: the key, and how their age is told."""
        return () if obj is None else ("key", "as_of_kind")

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        at: datetime = clock.now()
        if not change:
            obj.created_at = at
        super().save_model(request, obj, form, change)
        told = {name: str(form.cleaned_data.get(name)) for name in form.changed_data}
        audit.record(
            kind="channel_changed" if change else "channel_opened",
            object_kind="channel",
            object_id=obj.pk,
            by=by_staff(request.user),
            at=at,
            after=told,
        )
