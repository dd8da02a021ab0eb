"""One purchase, as a shop's own code would report it; prints what the customer now has."""

import os
from datetime import UTC, datetime

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()

from commerce.models import Channel  # noqa: E402 (models can be imported only now)
from commerce.operations import settle_purchases, sync_purchases  # noqa: E402
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who  # noqa: E402
from loyalty.models import Member  # noqa: E402
from loyalty.operations.programme import create_programme  # noqa: E402
from loyalty.queries import get_balance  # noqa: E402

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
BOUGHT = datetime(2026, 3, 3, 12, tzinfo=UTC)

Channel.objects.create(
    key="web", name="Web shop", kind="web", time_zone="Europe/Berlin", currency="EUR", as_of_kind="sequence",
    programmes=[], created_at=OPENED,
)  # fmt: skip
create_programme(
    key="club", name="Club", currency="EUR", time_zone="Europe/Berlin", live_from=OPENED,
    settings={"enrolment": "automatic"}, at=OPENED,
)  # fmt: skip
order = Snapshot(
    channel="web",
    reference="10482",
    as_of=1,
    who=Who(external_id="4711", name="Alice"),
    currency="EUR",
    placed_at=BOUGHT,
    paid_at=BOUGHT,
    status="paid",
    lines=(LineSnapshot(key="1", sku="GRINDER", name="Coffee grinder", quantity=1, sold_minor=12500),),
)
sync_purchases([order], at=BOUGHT)
settle_purchases(at=BOUGHT, limit=100)

balance = get_balance(member_id=Member.objects.get().pk, at=BOUGHT)
print(f"{balance.pending} pending, {balance.available} available")
