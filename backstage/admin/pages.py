"""Pages of our own within the admin: one object, shown in our words instead of a form of disabled fields."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin


def show_page(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    *,
    obj: Model,
    template: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Answer with a page that extends `encore/backstage/staff_page.html`."""
    opts = model_admin.model._meta
    return TemplateResponse(
        request,
        template,
        {
            **model_admin.admin_site.each_context(request),
            "title": str(obj),
            "opts": opts,
            "list_address": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
            **context,
        },
        status=status,
    )


def find_object(model_admin: "ModelAdmin[Any]", request: HttpRequest, object_id: str) -> Any:
    """Return the object that an address names, if this person may see it.

    Raises: Http404, PermissionDenied.
    """
    obj = model_admin.get_object(request, unquote(object_id))
    if obj is None:
        raise Http404
    if not model_admin.has_view_permission(request, obj):
        raise PermissionDenied
    return obj


def page_url(model_admin: "ModelAdmin[Any]", name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
    """Return the address `<id>/<name>/` below the model's own."""
    opts = model_admin.model._meta
    return path(
        f"<path:object_id>/{name}/",
        model_admin.admin_site.admin_view(view),
        name=f"{opts.app_label}_{opts.model_name}_{name}",
    )


def list_url(model_admin: "ModelAdmin[Any]", name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
    """Return the address `<name>/` below the model's list; "who/preview" is called "who_preview"."""
    opts = model_admin.model._meta
    return path(
        f"{name}/",
        model_admin.admin_site.admin_view(view),
        name=f"{opts.app_label}_{opts.model_name}_{name.replace('/', '_')}",
    )


class OwnPagesAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """A list, a form of our own to add to it, and a page of our own for each thing."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let one be added: not by Django's form, but by one of our own."""
        return self.may(request, "add")

    def may(self, request: HttpRequest, action: str) -> bool:
        """Tell whether somebody has Django's permission to "add" or "change"."""
        codename = get_permission_codename(action, self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def address_of(self, pk: Any) -> str:
        """Give the address of one thing's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])

    def get_for_change(self, request: HttpRequest, object_id: str) -> Any:
        """Find the thing of an address, for who may change it. Raises: Http404, PermissionDenied."""
        obj = find_object(self, request, object_id)
        if not self.may(request, "change"):
            raise PermissionDenied
        return obj
