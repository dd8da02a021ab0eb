"""The stand-alone project's Celery application: `celery -A config worker`, `celery -A config beat`."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("encore")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def schedule_jobs(sender: Celery, **_: Any) -> None:
    """Put the registered jobs on the beat. The apps register them after the settings are read."""
    sender.conf.beat_schedule = import_string("backstage.schedule.encore_schedule")()


@worker_init.connect
def keep_what_is_loaded(**_: Any) -> None:
    """Take what is loaded by now out of the garbage collector's sight, before the worker's processes begin.

    It stays as long as they do. A batch makes so many values that the collector would walk all of it again
    and again, a third of the time that Python needs for an award.
    """
    gc.freeze()
