"""The Django app of the demo (label `encore_demo`). It has no tables of its own."""

from importlib import import_module

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "config.demo"
    label = "encore_demo"

    def ready(self) -> None:
        import_module("config.demo.registrations")
