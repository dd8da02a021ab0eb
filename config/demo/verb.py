"""The verb `demo`: a believable shop in the browser, from nothing but this checkout.

1. Begin again in an environment of the demo's own: its data under `var/demo/`, a clock that can be moved.
2. Make the tables; where there is no shop yet, live its past.
3. Start the site, and a worker with its beat; say `ready` when the pages answer.
4. On Ctrl-C or TERM stop all that was started.
"""

import os
import shutil
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from backstage.conf import DEMO_CLOCK
from backstage.management.verbs import positive
from backstage.registry import Out, Verb
from config.demo.build import LOGINS, Size, build
from config.demo.serve import serve
from loyalty.models import Programme

OK, FAILED = 0, 1
DATA = Path(settings.BASE_DIR) / "var" / "demo"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help="where the pages answer; 8000 by default")
    parser.add_argument("--fresh", action="store_true", help="forget the last demo and make the shop anew")
    parser.add_argument("--members", type=positive, default=Size().buyers, help="how many people buy there")
    parser.add_argument("--months", type=positive, default=8, help="how long the shop has been open")
    parser.add_argument("--seed", type=int, default=Size().seed, help="another number, another past")
    parser.add_argument("--build-only", action="store_true", help="make the shop and do not start the site")


def _run(options: Mapping[str, Any], out: Out) -> int:
    if not DEMO_CLOCK.get():
        _begin_again(fresh=options["fresh"])
    if not options["build_only"] and _is_taken(options["port"]):
        out.error(f"Port {options['port']} is taken. Choose another: --port {options['port'] + 1}")
        return FAILED
    call_command("migrate", interactive=False, verbosity=0)
    if _build_once(options, out) != OK:
        return FAILED
    if options["build_only"]:
        return OK
    _greet(options["port"], out)
    return serve(port=options["port"], ready=lambda address: out.line(f"ready: {address}"))


def _begin_again(*, fresh: bool) -> None:
    """Replace this process by itself in the demo's environment; settings are read once, at the start."""
    if fresh and DATA.exists():
        shutil.rmtree(DATA)
    DATA.mkdir(parents=True, exist_ok=True)
    demo = {
        "ENCORE_DEMO_CLOCK": "true",
        "ENCORE_VAR_DIR": str(DATA),
        "DATABASE_URL": f"sqlite:///{DATA / 'encore.sqlite3'}",
        "CELERY_BROKER_URL": "filesystem://",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
    }
    arguments = [argument for argument in sys.argv if argument != "--fresh"]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, **demo})  # noqa: S606


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _build_once(options: Mapping[str, Any], out: Out) -> int:
    """Live the shop's past where there is none. Half a past, from a build that was stopped, is no shop."""
    marker = Path(settings.VAR_DIR) / "built"
    if marker.exists():
        return OK
    if Programme.objects.exists():
        out.error("The last build was stopped half-way. Begin anew: --fresh")
        return FAILED
    size = Size(buyers=options["members"], days=options["months"] * 30, seed=options["seed"])
    with out.bar(label="Living the shop's past", total=size.days, unit="days") as bar:

        def on_day(_: date) -> None:
            bar.advance(1)

        build(size, on_day=on_day)
    marker.write_text("")
    return OK


def _greet(port: int, out: Out) -> None:
    address = f"http://127.0.0.1:{port}"
    out.line(f"The shop            {address}/")
    out.line(f"A member's points   {address}/club/     member / {LOGINS['member']}")
    out.line(f"The owner's office  {address}/admin/    owner / {LOGINS['owner']}")
    out.line(f"A clerk's view      {address}/admin/    clerk / {LOGINS['clerk']}")
    out.line("Stop with Ctrl-C. Your demo stays under var/demo; --fresh forgets it.")


DEMO = Verb(
    name="demo",
    help="a believable shop with its loyalty programme, in your browser",
    add_arguments=_add_arguments,
    run=_run,
    needs_tables=False,  # it makes them
)
