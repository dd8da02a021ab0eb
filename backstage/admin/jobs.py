"""Job runs: how far they are, what went wrong, pause and resume."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from backstage import clock
from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, by_staff, column, display
from backstage.admin.pages import find_object, page_url, show_page
from backstage.models import JobRun
from backstage.operations.jobs import pause_run, resume_run
from backstage.queries import count_chunks, get_time_taken, list_failed_chunks
from backstage.registry import jobs
from backstage.templatetags.encore_backstage import describe_progress

PAUSE = "encore_backstage.change_jobrun"


class JobFilter(admin.SimpleListFilter):
    """Filter by job, from the registry: a list of what is in the table would have to read all of it."""

    title = gettext_lazy("job")
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in jobs]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(job=self.value()) if self.value() else queryset


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """The list of runs, and a page for each."""

    keyset = "-started_at"
    empty_text = gettext_lazy(
        "No job has run yet. Jobs run by themselves while Celery beat, or cron with “encore run-due”, is on."
    )
    list_display = (
        column("job", gettext_lazy("job")),
        "state_label",
        "progress",
        column("started_at", gettext_lazy("started")),
        "time_taken",
    )
    list_filter = ("state", JobFilter)

    @display(
        description=gettext_lazy("state"),
        label={"running": "info", "paused": "warning", "done": "success", "failed": "danger"},
    )
    def state_label(self, run: JobRun) -> tuple[str, str] | str:
        return run.get_state_display()

    @display(description=gettext_lazy("progress"))
    def progress(self, run: JobRun) -> str:
        if run.is_over:
            return describe_progress(run)
        return render_to_string("encore/backstage/job_progress.html", {"run": run})

    @display(description=gettext_lazy("took"))
    def time_taken(self, run: JobRun) -> str:
        return describe_duration(run)

    def get_urls(self) -> list[URLPattern]:
        """Add the progress fragment and the two buttons."""
        return [
            page_url(self, "progress", require_safe(self.progress_view)),
            page_url(self, "pause", require_POST(self.pause_view)),
            page_url(self, "resume", require_POST(self.resume_view)),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one run."""
        run = find_object(self, request, object_id)
        job = jobs.get(run.job) if run.job in jobs else None
        return show_page(
            self,
            request,
            obj=run,
            template="encore/backstage/job_run.html",
            run=run,
            note=job.note if job else _("The app that brought this job is not installed any more."),
            took=describe_duration(run),
            chunks=count_chunks(run_id=run.pk),
            failed_chunks=list_failed_chunks(run_id=run.pk),
            may_pause=request.user.has_perm(PAUSE),
        )

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the progress bar alone."""
        run = find_object(self, request, object_id)
        return render(request, "encore/backstage/job_progress.html", {"run": run})

    def pause_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pause a run."""
        run = self._get_for_switching(request, object_id)
        with transaction.atomic():
            paused = pause_run(run_id=run.pk, by=by_staff(request.user), at=clock.now())
        if paused:
            messages.success(request, _("Paused. Nothing of this job runs until you resume it."))
        else:
            messages.warning(request, _("This run was not running any more, so there was nothing to pause."))
        return redirect("admin:encore_backstage_jobrun_change", run.pk)

    def resume_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Resume a run."""
        run = self._get_for_switching(request, object_id)
        with transaction.atomic():
            resumed = resume_run(run_id=run.pk, by=by_staff(request.user), at=clock.now())
        if resumed:
            messages.success(request, _("Resumed. It goes on within three minutes."))
        else:
            messages.warning(request, _("This run was not paused any more, so there was nothing to resume."))
        return redirect("admin:encore_backstage_jobrun_change", run.pk)

    def _get_for_switching(self, request: HttpRequest, object_id: str) -> JobRun:
        run: JobRun = find_object(self, request, object_id)
        if not request.user.has_perm(PAUSE):
            raise PermissionDenied
        return run


def describe_duration(run: JobRun) -> str:
    """Say how long a run took, or has taken so far."""
    seconds = get_time_taken(run).total_seconds()
    if seconds < 60:
        return _("%(seconds)s s") % {"seconds": f"{seconds:.1f}"}
    minutes = round(seconds / 60)
    return ngettext("%(minutes)s minute", "%(minutes)s minutes", minutes) % {"minutes": minutes}
