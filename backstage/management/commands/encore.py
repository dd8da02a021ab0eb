"""`manage.py encore VERB`: the one command; every installed app brings its verbs."""

import gc
import os
import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backstage.management.database import find_obstacle
from backstage.management.terminal import Terminal
from backstage.policies.names import did_you_mean
from backstage.registry import Out, UnknownKey, Verb, verbs

FAILED, USAGE, PARTLY = 1, 2, 3
# What a shell says of a program whose reader has gone away, `encore import … | head` for one.
NOBODY_READS = 128 + 13


class Command(BaseCommand):
    """Find the verb, give it the options and a place to speak, exit with its code."""

    help = "Everything encore does on the command line. Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let every registered verb add its own."""
        subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, verb in verbs.items():
            subparser = subparsers.add_parser(name, help=verb.help, description=verb.help)
            verb.add_arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="write the result as JSON")
            subparser.add_argument("--no-progress", action="store_true", help="draw no progress bar")

    def run_from_argv(self, argv: list[str]) -> None:
        """Name the nearest verb for one that does not exist; argparse would only list them all."""
        if len(argv) == 2:
            argv = [*argv, "--help"]
        verb = argv[2]
        if not verb.startswith("-") and verb not in verbs:
            self.stderr.write(f"There is no verb {verb!r}. {did_you_mean(verb, verbs)}")
            sys.exit(USAGE)
        # What Django has loaded by now stays as long as the process. A long import makes so many values that
        # the collector would walk all of it again and again, a tenth of the import's time.
        gc.freeze()
        try:
            super().run_from_argv(argv)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NOBODY_READS)

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        """Run the verb.

        Raises: SystemExit with the verb's code, unless that is 0.
        """
        out = Terminal(
            stdout=self.stdout,
            stderr=self.stderr,
            wants_json=options["json"],
            wants_progress=not options["no_progress"],
        )
        try:
            code = self._run(verbs.get(verb), options, out)
        except UnknownKey as error:
            out.error(str(error))
            code = USAGE
        except KeyboardInterrupt:
            out.error("Stopped. What is done stays done; give the same command again to go on.")
            code = PARTLY
        if code:
            sys.exit(code)

    def _run(self, verb: Verb, options: Mapping[str, Any], out: Out) -> int:
        """Run a verb where it finds what it needs; nothing is begun otherwise."""
        if verb.needs_tables and (obstacle := find_obstacle()):
            out.error(obstacle)
            return FAILED
        return verb.run(options, out)
