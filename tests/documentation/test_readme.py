"""What the first page shows, done."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from commerce.models import Purchase
from commerce.operations import open_channel

README = (Path(settings.BASE_DIR) / "README.md").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_the_one_call_of_the_readme_stores_the_purchase(clock):
    open_channel(key="web", name="Web", time_zone="Europe/Oslo", currency="EUR")
    (code,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

    exec(compile(code, "README.md", "exec"), {})

    purchase = Purchase.objects.get()
    assert (purchase.reference, purchase.lines.get().sold_minor) == ("10482", 12500)
