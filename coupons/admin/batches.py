"""Batches of codes: asked for in a sentence, watched while they are made, paused, topped up, taken out."""

from secrets import token_bytes
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backstage import clock
from backstage.admin.base import by_staff, column, display, in_colour
from backstage.admin.deeds import Deed, DeedsAdmin
from backstage.admin.pages import find_object, page_url, show_page
from backstage.policies.qr import draw_qr
from backstage.registry import Text
from commerce.policies.segments.words import say_number
from coupons.admin.batch_files import write_csv, write_xlsx
from coupons.admin.batch_form import BatchForm, TopUpForm, list_coupons
from coupons.admin.batch_words import list_bars, say_end, say_odds, say_progress, say_promise, say_state
from coupons.admin.refusals import say_refusal
from coupons.admin.workbook import CONTENT_TYPE as WORKBOOK
from coupons.models import CodeBatch
from coupons.operations import batches as operations
from coupons.policies.code_text import Share, draw_texts, spell
from coupons.policies.codes import normal_code
from coupons.policies.states import CodeState
from coupons.queries.batches import ListedCode, list_codes

ADD, CHANGE = "encore_coupons.add_codebatch", "encore_coupons.change_codebatch"
EXPORT, SEE_COUPON = "encore_coupons.export_codes", "encore_coupons.view_coupon"
# A void batch stays void: that is asked first. The others are each other's way back.
DEEDS = {
    "pause": Deed(
        operate=operations.pause_batch,
        said=gettext_lazy("Paused: nobody can use its codes."),
        meaning=gettext_lazy(
            "Nobody can use these codes until you let them go on. What is not made yet waits, too."
        ),
        label=gettext_lazy("Pause"),
        undo=operations.resume_batch,
    ),
    "resume": Deed(
        operate=operations.resume_batch,
        said=gettext_lazy("Its codes are good again."),
        meaning=gettext_lazy("The codes are good again, and those that are missing are made."),
        label=gettext_lazy("Let it go on"),
        undo=operations.pause_batch,
    ),
}
OFFERED = {CodeState.READY.value: ("pause",), CodeState.PAUSED.value: ("resume",)}
EXAMPLES = 3
# Ten sheets of 24 labels; the next page has the next ones.
ON_PAPER = 240


@admin.register(CodeBatch)
class CodeBatchAdmin(DeedsAdmin):
    """The batches, and a page for each."""

    empty_text = gettext_lazy(
        "No codes in batches yet. A batch gives each flyer, letter or customer a code of its own."
    )
    list_display = (
        column("name", gettext_lazy("name")),
        column("coupon", gettext_lazy("coupon")),
        "codes",
        "used",
        "standing",
    )
    named = "batch_id"
    deeds = DEEDS
    refusals = (operations.BatchStepRefused,)
    list_select_related = ("coupon",)
    list_filter = ("state",)
    search_fields = ("name",)

    @display(description=gettext_lazy("codes"))
    def codes(self, batch: CodeBatch) -> str:
        if batch.is_made:
            return say_number(batch.made_count)
        told = {"made": say_number(batch.made_count), "wanted": say_number(batch.wanted_count)}
        return _("%(made)s of %(wanted)s") % told

    @display(description=gettext_lazy("used"))
    def used(self, batch: CodeBatch) -> str:
        return say_number(batch.used_count)

    @display(
        description=gettext_lazy("state"),
        label={"ready": "success", "making": "info", "paused": "warning", "void": "danger"},
    )
    def standing(self, batch: CodeBatch) -> Any:
        return in_colour(*say_state(batch, clock.now()))

    def say_refusal(self, request: HttpRequest, obj: Any, refusal: Exception) -> str:
        """Say why a deed was not done, in the reader's language."""
        return say_refusal(refusal)

    def get_urls(self) -> list[URLPattern]:
        """Add the preview, the deeds, the files and the progress."""
        both = require_http_methods(["GET", "HEAD", "POST"])
        preview = path(
            "preview/",
            self.admin_site.admin_view(require_POST(self.preview_view)),
            name="encore_coupons_codebatch_preview",
        )
        return [
            preview,
            page_url(self, "top_up", require_POST(self.top_up_view)),
            page_url(self, "void", both(self.void_view)),
            page_url(self, "progress", require_safe(self.progress_view)),
            page_url(self, "csv", require_POST(self.csv_view)),
            page_url(self, "xlsx", require_POST(self.xlsx_view)),
            page_url(self, "print", require_POST(self.print_view)),
            *super().get_urls(),
        ]

    # -- asking for one --------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for a batch."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        coupons = list_coupons()
        if request.method == "POST":
            form = BatchForm(request.POST, coupons=coupons)
            if form.is_valid() and "save" in request.POST and (batch := self._save(request, form)):
                messages.success(request, say_progress(batch))
                return redirect(self.address_of(batch.pk))
        else:
            form = BatchForm(initial={"coupon": request.GET.get("coupon", "")}, coupons=coupons)
        list_address = reverse("admin:encore_coupons_codebatch_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Make codes"),
            "opts": self.opts,
            "list_address": list_address,
            "form": form,
            "back": _way_back(request, form) or list_address,
            "preview_address": reverse("admin:encore_coupons_codebatch_preview"),
            "preview": _preview(form) if form.is_bound and form.is_valid() else None,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "encore/coupons/admin/batch_form.html", context, status=status)

    def _save(self, request: HttpRequest, form: BatchForm) -> CodeBatch | None:
        try:
            return operations.request_batch(**form.read(), at=clock.now(), by=by_staff(request.user))
        except ValidationError as error:
            form.take_over(error)
        return None

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what a half-written form would make; it saves nothing."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = BatchForm(request.POST, coupons=list_coupons())
        context = {"preview": _preview(form) if form.is_valid() else None, "form": form}
        return TemplateResponse(request, "encore/coupons/admin/batch_preview.html", context)

    # -- one batch -------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one batch: how its codes stand, what can be done with it."""
        return self._show(request, find_object(self, request, object_id), None)

    def _show(self, request: HttpRequest, batch: CodeBatch, top_up: TopUpForm | None) -> HttpResponse:
        now, codes = clock.now(), reverse("admin:encore_coupons_code_changelist")
        first = list_codes(batch, limit=1)
        return show_page(
            self,
            request,
            obj=batch,
            template="encore/coupons/admin/batch.html",
            status=422 if top_up else 200,
            batch=batch,
            sees_coupon=request.user.has_perm(SEE_COUPON),
            state=say_state(batch, now)[1],
            promise=say_promise(batch, first[0].written if first else "…"),
            odds=say_odds(batch),
            bars=list_bars(batch, now),
            progress=_progress(batch),
            undo=self.find_undo(request, batch),
            deeds=self._offer(batch),
            top_up=top_up or TopUpForm(initial={"seen_count": batch.wanted_count}),
            codes_address=f"{codes}?batch={batch.pk}",
            may_change=request.user.has_perm(CHANGE),
            may_export=request.user.has_perm(EXPORT) and batch.made_count,
            is_void=batch.state == CodeState.VOID,
            other_main=batch.state == CodeState.READY,
        )

    def _offer(self, batch: CodeBatch) -> list[tuple[str, Text, Text]]:
        """Give the buttons; what is still being made is stopped by its pause."""
        deeds = self.tell_deeds(OFFERED.get(batch.state, ()))
        if batch.is_made:
            return deeds
        return [(name, meaning, _("Stop") if name == "pause" else label) for name, meaning, label in deeds]

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the progress bar alone."""
        batch = find_object(self, request, object_id)
        return render(request, "encore/backstage/progress.html", _progress(batch))

    def void_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before a batch is made void, with the numbers; then do it."""
        batch = self.get_for_change(request, object_id)
        if request.method == "POST":
            operations.void_batch(batch_id=batch.pk, at=clock.now(), by=by_staff(request.user))
            messages.success(request, _("Void: nobody can use its codes."))
            return redirect(self.address_of(batch.pk))
        sentence = ngettext(
            "%(n)s code that nobody has used becomes void for good.",
            "%(n)s codes that nobody has used become void for good.",
            batch.free_count,
        )
        button = ngettext("Make %(n)s code void", "Make %(n)s codes void", batch.free_count)
        return show_page(
            self,
            request,
            obj=batch,
            template="encore/coupons/admin/batch_void.html",
            batch=batch,
            said=sentence % {"n": say_number(batch.free_count)},
            button=button % {"n": say_number(batch.free_count)},
            back=self.address_of(batch.pk),
        )

    def top_up_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make more codes of a batch."""
        batch = self.get_for_change(request, object_id)
        form = TopUpForm(request.POST)
        if not form.is_valid():
            return self._show(request, batch, form)
        try:
            batch = operations.top_up_batch(
                batch_id=batch.pk, **form.cleaned_data, at=clock.now(), by=by_staff(request.user)
            )
            messages.success(request, say_progress(batch))
        except ValidationError as error:
            form.add_error("more", error.messages)
            return self._show(request, batch, form)
        except (operations.BatchStepRefused, operations.BatchUnfinished, operations.BatchChanged) as refusal:
            messages.warning(request, say_refusal(refusal))
        return redirect(self.address_of(batch.pk))

    # -- taken out -------------------------------------------------------------------------------------------

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Send all codes as they are read."""
        batch = self._take_out(request, object_id, "csv")
        answer = StreamingHttpResponse(write_csv(batch), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{_file_name(batch)}.csv"'
        return answer

    def xlsx_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Send all codes as a workbook, as they are read."""
        batch = self._take_out(request, object_id, "xlsx")
        answer = StreamingHttpResponse(write_xlsx(batch), content_type=WORKBOOK)
        answer["Content-Disposition"] = f'attachment; filename="{_file_name(batch)}.xlsx"'
        return answer

    def print_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show sheets of labels to print, with those codes that may still be used."""
        batch = self._take_out(request, object_id, "paper")
        text = request.POST.get("after", "")
        after = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        found = list_codes(batch, after=after, limit=ON_PAPER)
        context = {
            "batch": batch,
            "until": say_end(batch),
            "labels": [_label(code) for code in found if code.is_free],
            "after": found[-1].id if len(found) == ON_PAPER else None,
            "back": self.address_of(batch.pk),
        }
        return TemplateResponse(request, "encore/coupons/admin/print_sheet.html", context)

    def _take_out(self, request: HttpRequest, object_id: str, form: str) -> CodeBatch:
        """Write down that codes leave the house, before the first one does."""
        batch: CodeBatch = find_object(self, request, object_id)
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        operations.record_export(batch_id=batch.pk, form=form, at=clock.now(), by=by_staff(request.user))
        return batch


def _way_back(request: HttpRequest, form: BatchForm) -> str:
    """Give the page of the coupon that somebody came from, or has chosen meanwhile."""
    chosen = str(form["coupon"].value())
    if chosen not in {str(pk) for pk in form.coupons} or not request.user.has_perm(SEE_COUPON):
        return ""
    return reverse("admin:encore_coupons_coupon_change", args=[chosen])


def _preview(form: BatchForm) -> dict[str, Any]:
    """Say what a form would make, with examples that are drawn and thrown away."""
    told = form.read()
    batch = CodeBatch(
        coupon=form.chosen,
        prefix=normal_code(told["prefix"]),
        random_places=told["places"],
        wanted_count=told["count"],
        ends_at=told["ends_at"],
    )
    share = Share(start=0, count=1, whole=1)
    drawn = draw_texts(count=EXAMPLES, places=batch.random_places, share=share, token_bytes=token_bytes)
    examples = [spell(batch.prefix + text, prefix=batch.prefix) for text in drawn]
    try:
        operations.check_batch(batch, at=clock.now())
    except ValidationError as error:
        if not batch.name:
            error.error_dict.pop("name", None)
        form.take_over(error)
    return {"promise": say_promise(batch, examples[0]), "odds": say_odds(batch), "examples": examples}


def _progress(batch: CodeBatch) -> dict[str, Any]:
    """Give what the progress template shows; it asks again until the batch is made or stopped."""
    goes_on = batch.state == CodeState.READY and not batch.is_made
    return {
        "run": {"job": batch.name, "counted": batch.wanted_count},
        "over": batch.made_count,
        "sentence": say_progress(batch),
        "refresh": reverse("admin:encore_coupons_codebatch_progress", args=[batch.pk]) if goes_on else "",
    }


def _label(code: ListedCode) -> dict[str, Any]:
    qr_path, qr_size = draw_qr(code.link or code.written)
    return {"written": code.written, "qr_path": qr_path, "qr_size": qr_size}


def _file_name(batch: CodeBatch) -> str:
    return slugify(batch.name) or f"codes-{batch.pk}"
