"""Outside programmes: taken in by a sentence, exchanged by rates, with a file a day out and files in."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from backstage import clock
from backstage.admin.base import by_staff, display
from backstage.admin.pages import OwnPagesAdmin, find_object, list_url, page_url, show_page
from loyalty.admin.chosen_programme import find_chosen
from loyalty.admin.outside_forms import OutsideForm, RateForm, UploadForm
from loyalty.admin.partner_forms import ProgrammeForm
from loyalty.admin.partner_words import say_period
from loyalty.models import OutsideProgramme, OutsideRate, ReceivedFile, Transfer, TransferFile
from loyalty.operations import outside as operations
from loyalty.operations.received_files import receive_file
from loyalty.operations.transfer_files import make_transfer_file
from loyalty.policies.calendar import local_date
from loyalty.policies.outside import Direction, FileUnreadable, TransferState
from loyalty.queries import figures, sentences


@admin.register(OutsideProgramme)
class OutsideProgrammeAdmin(OwnPagesAdmin):
    """The list of outside programmes, and a page for each."""

    empty_text = gettext_lazy("No outside programme yet. Take in one whose points members may exchange.")
    list_display = ("title", "standing", "rates")
    search_fields = ("name", "key")

    @display(description=gettext_lazy("name"))
    def title(self, outside: OutsideProgramme) -> str:
        return outside.name

    @display(description=gettext_lazy("state"), label={"open": "success", "ended": "danger"})
    def standing(self, outside: OutsideProgramme) -> tuple[str, str]:
        return ("ended", _("ended")) if outside.ended_at else ("open", _("open"))

    @display(description=gettext_lazy("exchanges"))
    def rates(self, outside: OutsideProgramme) -> str:
        running = [rate for rate in outside.rates.all() if rate.ends_at is None]
        return "; ".join(say_rate(rate, outside) for rate in running) or _("nothing now")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("rates")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of what can be done with one, and of the preview of a rate."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            list_url(self, "preview", require_POST(self.preview_view)),
            page_url(self, "rate", both(self.rate_view)),
            page_url(self, "stop", require_POST(self.stop_view)),
            page_url(self, "end", both(self.end_view)),
            page_url(self, "send", require_POST(self.send_view)),
            page_url(self, "upload", both(self.upload_view)),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Take in an outside programme."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = OutsideForm(request.POST or None, programme=find_chosen(request))
        if "save" in request.POST and form.is_valid():
            try:
                outside = operations.open_outside(
                    programme_id=form.programme.pk, **form.read(), at=clock.now(), by=by_staff(request.user)
                )
            except ValidationError as error:
                form.take_over(error)
            else:
                messages.success(request, _("Taken in. Nothing is exchanged until it has a rate."))
                return redirect(self.address_of(outside.pk))
        return self._show_form(request, form, _("Take in an outside programme"), _("Take it in"))

    def rate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set a rate from now on."""
        outside = self.get_for_change(request, object_id)
        form = RateForm(request.POST or None, programme=outside.programme)
        if "save" in request.POST and form.is_valid():
            try:
                operations.set_outside_rate(
                    outside_id=outside.pk, **form.read(), at=clock.now(), by=by_staff(request.user)
                )
            except ValidationError as error:
                form.take_over(error)
            else:
                messages.success(request, _("It holds from now on. What was asked before keeps its rate."))
                return redirect(self.address_of(outside.pk))
        return self._show_form(request, form, _("Set a rate"), _("Set it now"), outside)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written rate says and is worth; it saves nothing."""
        if not (self.may(request, "add") or self.may(request, "change")):
            raise PermissionDenied
        form = RateForm(request.POST, programme=find_chosen(request))
        context = {"preview": preview_rate(form)}
        return TemplateResponse(request, "encore/loyalty/admin/partner_preview.html", context)

    def _show_form(
        self,
        request: HttpRequest,
        form: ProgrammeForm,
        title: str,
        button: str,
        outside: OutsideProgramme | None = None,
        template: str = "partner_form.html",
    ) -> HttpResponse:
        list_address = reverse("admin:encore_loyalty_outsideprogramme_changelist")
        is_rate = isinstance(form, RateForm)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "button": button,
            "partner": outside,
            "programme": form.programme,
            "back": self.address_of(outside.pk) if outside else list_address,
            "has_channels": True,
            "preview_address": reverse("admin:encore_loyalty_outsideprogramme_preview") if is_rate else "",
            "preview": preview_rate(form) if isinstance(form, RateForm) and form.is_bound else None,
        }
        status = 422 if form.is_bound and form.errors and "save" in request.POST else 200
        return TemplateResponse(request, f"encore/loyalty/admin/{template}", context, status=status)

    # -- one outside programme -------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one: its rates, what waits, the files out and in."""
        outside: OutsideProgramme = find_object(self, request, object_id)
        rates = list(outside.rates.order_by("direction", "-number"))
        counts = {
            state: Transfer.objects.filter(outside=outside, state=state.value).count()
            for state in (TransferState.WAITING, TransferState.SENT, TransferState.REPORTED)
        }
        files = list(TransferFile.objects.filter(outside=outside).order_by("-day_on")[:12])
        today = local_date(clock.now(), outside.programme.zone)
        received = ReceivedFile.objects.filter(outside=outside).order_by("-id")[:12]
        return show_page(
            self,
            request,
            obj=outside,
            template="encore/loyalty/admin/outside.html",
            outside=outside,
            running=[(rate, say_rate(rate, outside)) for rate in rates if rate.ends_at is None],
            former=[
                (say_rate(rate, outside), say_period(rate, outside.programme))
                for rate in rates
                if rate.ends_at
            ],
            waiting=say_waiting(counts[TransferState.WAITING]),
            may_send=bool(counts[TransferState.WAITING]) and not any(file.day_on == today for file in files),
            sent=say_sent(counts[TransferState.SENT]),
            reported=say_reported(counts[TransferState.REPORTED]),
            files=[(file, date_format(file.day_on, "DATE_FORMAT"), say_rows(file.rows)) for file in files],
            received=[(file, say_rows(file.rows)) for file in received],
            may_change=self.may(request, "change") and outside.ended_at is None,
            may_move=self.may(request, "change"),
        )

    def stop_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop a rate."""
        outside = self.get_for_change(request, object_id)
        if request.POST.get("direction") not in list(Direction):
            raise Http404
        operations.stop_outside_rate(
            outside_id=outside.pk,
            direction=Direction(request.POST["direction"]),
            at=clock.now(),
            by=by_staff(request.user),
        )
        messages.success(request, _("Stopped. What is on its way stays on it."))
        return redirect(self.address_of(outside.pk))

    def end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it, once somebody has seen what that means."""
        outside = self.get_for_change(request, object_id)
        if request.method == "POST":
            operations.end_outside(outside_id=outside.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Ended. Answers are still read."))
            return redirect(self.address_of(outside.pk))
        says = [
            _("Members exchange nothing with it any more. It cannot be taken back."),
            _("What waits still goes out, and answers are still read."),
        ]
        return show_page(
            self,
            request,
            obj=outside,
            template="encore/loyalty/admin/sure.html",
            question=_("End this outside programme"),
            says=says,
            button=_("End it now"),
            can=True,
            back=self.address_of(outside.pk),
        )

    def send_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the file of today, if there is none."""
        outside: OutsideProgramme = super().get_for_change(request, object_id)
        file = make_transfer_file(outside_id=outside.pk, at=clock.now(), by=by_staff(request.user))
        if file is None:
            messages.warning(request, _("Nothing waits, so there is no file."))
            return redirect(self.address_of(outside.pk))
        return redirect("admin:encore_loyalty_transferfile_change", file.pk)

    def upload_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a file that came in, to be checked or taken in by the job."""
        outside: OutsideProgramme = super().get_for_change(request, object_id)
        form = UploadForm(request.POST or None, request.FILES or None, programme=outside.programme)
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic():
                    file = receive_file(
                        outside_id=outside.pk, **form.read(), at=clock.now(), by=by_staff(request.user)
                    )
            except FileUnreadable as refusal:
                form.add_error("file", str(refusal))
            else:
                return redirect("admin:encore_loyalty_receivedfile_change", file.pk)
        return self._show_form(
            request, form, _("Read a file that came in"), _("Read it"), outside, "outside_upload.html"
        )

    def get_for_change(self, request: HttpRequest, object_id: str) -> OutsideProgramme:
        """Find an outside programme that has not ended."""
        outside: OutsideProgramme = super().get_for_change(request, object_id)
        if outside.ended_at is not None:
            raise Http404
        return outside


def say_rate(rate: OutsideRate, outside: OutsideProgramme) -> str:
    """Say a rate: "500 points → 200 miles"."""
    ours = sentences.points(rate.points)
    theirs = f"{figures.number(rate.units)}{figures.NO_BREAK_SPACE}{outside.unit}"
    return f"{ours} → {theirs}" if rate.direction == Direction.OUT else f"{theirs} → {ours}"


def preview_rate(form: RateForm) -> str:
    """Say what one step is worth; nothing while a number is missing."""
    form.is_valid()
    points, units = (form.cleaned_data.get(name) for name in ("points", "units"))
    if not points or not units:
        return ""
    worth = form.programme.worth_at(clock.now()).of(points)
    return _("One step is %(points)s, worth %(worth)s with you. Nothing is rounded: only whole steps go.") % {
        "points": sentences.points(points),
        "worth": figures.money(worth, form.programme.currency),
    }


def say_rows(count: int) -> str:
    """Say how many rows a file has."""
    return sentences.counted(ngettext("%(n)s row", "%(n)s rows", count), count)


def say_waiting(count: int) -> str:
    """Say how many exchanges go out with the next file."""
    sentence = ngettext(
        "%(n)s exchange goes out with the next file.", "%(n)s exchanges go out with the next file.", count
    )
    return sentences.counted(sentence, count)


def say_sent(count: int) -> str:
    """Say how many exchanges have no answer yet."""
    sentence = ngettext(
        "%(n)s exchange was sent and has no answer yet.",
        "%(n)s exchanges were sent and have no answer yet.",
        count,
    )
    return sentences.counted(sentence, count)


def say_reported(count: int) -> str:
    """Say how many exchanges were accepted when the points were gone; nothing where there is none."""
    if not count:
        return ""
    sentence = ngettext(
        "%(n)s exchange was accepted too late: its points had come back and are used. Talk to them.",
        "%(n)s exchanges were accepted too late: their points had come back and are used. Talk to them.",
        count,
    )
    return sentences.counted(sentence, count)
