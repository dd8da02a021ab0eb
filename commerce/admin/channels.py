"""Channels: where the shop sells."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, by_staff, column
from commerce.models import Channel
from commerce.operations.channels import ChannelError, change_channel, find_channel_problems, open_channel


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
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).strip().upper()

    def clean_time_zone(self) -> str:
        return str(self.cleaned_data["time_zone"]).strip()

    def clean_programmes(self) -> Any:
        return self.cleaned_data["programmes"] or []

    def clean(self) -> dict[str, Any]:
        """Say beside each field what the operation would refuse."""
        cleaned: dict[str, Any] = super().clean() or {}
        for field, problem in find_channel_problems(cleaned).items():
            self.add_error(field, problem)
        return cleaned


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

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form again where somebody took the key between the look at it and the saving."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ChannelError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        told = {"at": clock.now(), "by": by_staff(request.user), **form.cleaned_data}
        obj.pk = (change_channel(channel_id=obj.pk, **told) if change else open_channel(**told)).pk
