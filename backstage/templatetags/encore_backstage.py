"""Charts and progress bars, drawn on the server: `{% load encore_backstage %}`.

No script, no style attribute, no library: they pass the strictest Content-Security-Policy, follow the page's
colors in light and dark, and can be read without seeing them.
"""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from backstage.models import JobRun
from backstage.policies.charts import Chart, Mark, lay_bars, lay_lines, scale_of

register = template.Library()


@register.inclusion_tag("encore/backstage/chart.html")
def bar_chart(chart: Chart) -> dict[str, Any]:
    """Draw bars from a baseline of zero."""
    series = [
        {"name": series.name, "bars": [_tell(chart, mark) for mark in bars]}
        for series, bars in zip(chart.series, lay_bars(chart), strict=True)
    ]
    return {**_frame(chart), "bars": series}


@register.inclusion_tag("encore/backstage/chart.html")
def line_chart(chart: Chart) -> dict[str, Any]:
    """Draw one or two lines, each labelled at its end."""
    series = [
        {
            "name": series.name,
            "pieces": [" ".join(f"{mark.x},{mark.y}" for mark in piece) for piece in pieces],
            "end": _tell(chart, pieces[-1][-1]) if pieces else None,
        }
        for series, pieces in zip(chart.series, lay_lines(chart), strict=True)
    ]
    return {**_frame(chart), "lines": series}


@register.inclusion_tag("encore/backstage/progress.html")
def job_progress(run: JobRun) -> dict[str, Any]:
    """Show how far a run is. Where scripts run, it keeps itself up to date until the run is over."""
    over = run.done + run.failed
    return {
        "run": run,
        "over": over,
        "sentence": describe_progress(run),
        "refresh": "" if run.is_over else reverse("admin:encore_backstage_jobrun_progress", args=[run.pk]),
    }


def describe_progress(run: JobRun) -> str:
    """Say in one sentence how far a run is."""
    numbers = {"done": run.done, "counted": run.counted, "failed": run.failed}
    counts = {name: number_format(number, force_grouping=True) for name, number in numbers.items()}
    if run.planned_at is None and not run.is_over:
        return _("Looking for what is due.")
    if not run.counted:
        return _("Found nothing to do.")
    if run.failed:
        return _("%(done)s of %(counted)s done, %(failed)s failed") % counts
    return _("%(done)s of %(counted)s done") % counts


def _frame(chart: Chart) -> dict[str, Any]:
    values = zip(*[series.values for series in chart.series], strict=True)
    return {
        "chart": chart,
        "is_empty": all(value is None for series in chart.series for value in series.values),
        "grid": [{"y": line.y, "text": chart.write(line.value)} for line in scale_of(chart).grid()],
        "ends": [chart.labels[0], chart.labels[-1]] if len(chart.labels) > 1 else list(chart.labels),
        "rows": [
            {"label": label, "cells": ["–" if value is None else chart.write(value) for value in row]}
            for label, row in zip(chart.labels, values, strict=True)
        ],
    }


def _tell(chart: Chart, mark: Mark) -> dict[str, Any]:
    return {"mark": mark, "text": chart.write(mark.value)}
