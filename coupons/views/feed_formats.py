"""The coupon feed written out: JSON, JSON-LD, CSV and RSS. One content, four spellings."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.utils.feedgenerator import Rss201rev2Feed
from django.utils.translation import gettext as _

from backstage.policies.spreadsheets import safe_cell
from coupons.policies.feed import Entry, FeedState, offer_of, without_control
from coupons.queries.feed import Feed

# Where a feed is empty it has no time of its own, and must read the same at every asking.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = (
    "id", "state", "title", "text", "conditions", "code", "kind", "percent", "amount", "minimum", "currency",
    "starts_at", "ends_at", "time_zone",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What a feed says of itself: the shop, where its links lead, its own address and language."""

    shop: str
    link: str
    address: str
    language: str


def write_json(feed: Feed, frame: Frame) -> str:
    """Write the coupons as plain JSON, each with its schema.org Offer."""
    return _dump(
        {
            "version": 1,
            "shop": frame.shop,
            "language": frame.language,
            "changed_at": feed.changed_at.isoformat() if feed.changed_at else None,
            "coupons": [
                {**_plain(entry), "offer": {"@context": "https://schema.org", **_offer(entry, frame)}}
                for entry in feed.entries
            ],
        }
    )


def write_json_ld(feed: Feed, frame: Frame) -> str:
    """Write the coupons as a schema.org DataFeed of Offers."""
    return _dump(
        {
            "@context": "https://schema.org",
            "@type": "DataFeed",
            "name": _title(frame),
            "inLanguage": frame.language,
            "url": frame.address,
            "dataFeedElement": [_offer(entry, frame) for entry in feed.entries],
        }
    )


def write_csv(feed: Feed, frame: Frame) -> str:
    """Write the coupons as a table; what looks like a formula stays text."""
    out = StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for entry in feed.entries:
        cells = {**_plain(entry), "conditions": " ".join(entry.conditions)}
        table.writerow([safe_cell(cells[column]) for column in COLUMNS])
    return out.getvalue()


class _Rss(Rss201rev2Feed):
    """A feed whose time is that of its content; the clock would change every answer."""

    changed_at = LONG_AGO

    def latest_post_date(self) -> datetime:
        return self.changed_at


STATES = {
    FeedState.ACTIVE: lambda: _("Good now"),
    FeedState.UPCOMING: lambda: _("Good from %(day)s on"),
    FeedState.EXPIRED: lambda: _("Expired"),
    FeedState.WITHDRAWN: lambda: _("Withdrawn"),
}


def write_rss(feed: Feed, frame: Frame) -> str:
    """Write the coupons as RSS 2.0: one item each, its state as the category."""
    rss = _Rss(
        title=without_control(_title(frame)),
        link=frame.link,
        description=without_control(_("Coupons that everybody may use, and those that are over.")),
        language=frame.language,
        feed_url=frame.address,
    )
    rss.changed_at = feed.changed_at or LONG_AGO
    for entry in feed.entries:
        rss.add_item(
            title=without_control(_headline(entry)),
            link=frame.link,
            description=without_control(" ".join([entry.text, *entry.conditions])),
            unique_id=f"coupon-{entry.coupon_id}-{entry.state.value}",
            unique_id_is_permalink=False,
            pubdate=entry.starts_at,
            categories=(entry.state.value,),
        )
    return str(rss.writeString("utf-8"))


def _headline(entry: Entry) -> str:
    state = STATES[entry.state]() % {"day": entry.starts_at.date().isoformat()}
    if entry.code:
        return _("%(discount)s with the code %(code)s (%(state)s)") % {
            "discount": entry.title,
            "code": entry.code,
            "state": state,
        }
    return _("%(discount)s (%(state)s)") % {"discount": entry.title, "state": state}


def _title(frame: Frame) -> str:
    return _("Coupons of %(shop)s") % {"shop": frame.shop}


def _offer(entry: Entry, frame: Frame) -> dict[str, Any]:
    return offer_of(entry, shop=frame.shop, link=frame.link)


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.coupon_id,
        "state": entry.state.value,
        "title": entry.title,
        "text": entry.text,
        "conditions": list(entry.conditions),
        "code": entry.code,
        "kind": entry.kind.value,
        "percent": _text(entry.percent),
        "amount": _text(entry.discount),
        "minimum": _text(entry.minimum),
        "currency": entry.currency,
        "starts_at": entry.starts_at.isoformat(),
        "ends_at": entry.ends_at.isoformat() if entry.ends_at else None,
        "time_zone": entry.time_zone,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write the feed."""

    write: Callable[[Feed, Frame], str]
    content_type: str


FORMATS = {
    "json": Format(write_json, "application/json"),
    "jsonld": Format(write_json_ld, "application/ld+json"),
    "csv": Format(write_csv, "text/csv; charset=utf-8"),
    "rss": Format(write_rss, "application/rss+xml; charset=utf-8"),
}
