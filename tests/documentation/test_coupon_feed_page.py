"""What the page about the coupon feed shows is what works."""

import re
from io import BytesIO
from pathlib import Path
from urllib.request import Request

import pytest

from coupons.models import Submission
from tests.factories.coupons import NOON, CodeFactory, CouponFactory, CouponVersionFactory

PAGE = (Path(__file__).parents[2] / "docs/coupon-feed.md").read_text()
READER, SITE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def coupon(db, clock):
    clock.move_to(NOON)
    row = CouponFactory(is_public=True)
    CouponVersionFactory(coupon=row)
    CodeFactory(coupon=row, code="BEANS20")
    return row


def test_the_reader_of_the_page_finds_the_codes_and_is_told_when_nothing_changed(coupon, client, monkeypatch):
    def fetch(address):
        answer = client.get(address.removeprefix("http://localhost:8000"))
        body = BytesIO(answer.content)
        body.headers = answer.headers
        return body

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    found = {}

    exec(compile(READER, "docs/coupon-feed.md", "exec"), found)

    assert found["good"] == ["BEANS20"]
    again: Request = found["again"]
    answer = client.get("/coupons/feed.json", headers={"If-None-Match": again.get_header("If-none-match")})
    assert answer.status_code == 304


def test_the_sheet_of_the_page_is_made(coupon):
    exec(compile(SITE.replace("coupon_id=1", f"coupon_id={coupon.pk}"), "docs/coupon-feed.md", "exec"), {})

    sheet = Submission.objects.get()
    assert (sheet.site.name, sheet.code.code, sheet.state) == ("Klub", "KLUB20", "prepared")
