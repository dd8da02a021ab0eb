"""The page about the forecast shows what the command answers, and sums that come out."""

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings

from tests.commerce.command import encore

PAGE = (Path(settings.BASE_DIR) / "docs" / "forecast.md").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_the_command_of_the_page_answers_what_the_page_shows(clock):
    (command,) = re.findall(r"^    manage\.py encore (forecast .*)$", PAGE, re.MULTILINE)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    assert encore(*shlex.split(command)).said == shown
