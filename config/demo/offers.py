"""The demo shop's campaigns: one that is over, one that runs, one that is to come, and a draft."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backstage.policies import By
from loyalty.models import Programme
from loyalty.operations.campaigns import create_campaign, switch_on_campaign

BEANS: dict[str, Any] = {
    "kind": "multiply",
    "factor": Decimal(2),
    "category_paths": ["shelf/beans"],
    "cap_points": 500,
}
STEP: dict[str, Any] = {"kind": "steps", "steps": [[2500, 100], [5000, 250]]}
HOURS: dict[str, Any] = {
    "kind": "multiply",
    "factor": Decimal("1.5"),
    "channels": ["store"],
    "weekdays": [0, 1],
    "from_minute": 14 * 60,
    "to_minute": 17 * 60,
}
TEXTS = {
    "beans": {
        "en": "Double points on beans",
        "pl": "Podwójne punkty za kawę ziarnistą",
        "nb": "Doble poeng på bønner",
    },
    "step": {
        "en": "100 extra points from €25, 250 from €50",
        "pl": "100 dodatkowych punktów od 25 €, 250 od 50 €",
        "nb": "100 ekstra poeng fra 25 €, 250 fra 50 €",
    },
}


def open_campaigns(programme: Programme, *, opened_at: datetime, ends_at: datetime, by: By) -> None:
    """Draft and switch on what the shop offers, as early as it did in the story."""
    month = timedelta(days=30)
    plans: list[tuple[str, dict[str, Any], dict[str, str], datetime, datetime]] = [
        ("Double points on beans", BEANS, TEXTS["beans"], ends_at - month, ends_at + timedelta(days=10)),
        ("Opening week", STEP, TEXTS["step"], opened_at, opened_at + timedelta(days=7)),
        ("Bigger baskets", STEP, TEXTS["step"], ends_at + timedelta(days=14), ends_at + month),
    ]
    for name, terms, texts, starts_at, stops_at in plans:
        campaign = create_campaign(
            programme_id=programme.id,
            name=name,
            starts_at=starts_at,
            ends_at=stops_at,
            public_text=texts,
            terms=terms,
            at=opened_at,
            by=by,
        )
        switch_on_campaign(campaign_id=campaign.id, at=opened_at, by=by)
    create_campaign(
        programme_id=programme.id,
        name="Slow hours",
        starts_at=ends_at + month,
        terms=HOURS,
        at=opened_at,
        by=by,
    )
