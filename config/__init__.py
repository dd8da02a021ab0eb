"""The stand-alone project: settings, addresses, Celery. A shop with a Django project needs none of it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
