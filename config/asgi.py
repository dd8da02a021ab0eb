"""The door for an ASGI server: `uvicorn config.asgi:application`."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()

# What is loaded by now stays as long as the process, so the garbage collector need not walk it.
gc.freeze()
