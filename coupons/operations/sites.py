"""Coupon sites: added, changed, ended. A site that was told anything is never deleted."""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from coupons.locks import lock_site
from coupons.models import PublisherSite

FIELDS = ("name", "address", "contact", "language", "title_length", "text_length", "terms_length")


class SiteEnded(ValueError):
    """A site that we work with no longer is not changed."""

    def __init__(self, *, name: str, ended_at: datetime) -> None:
        self.name, self.ended_at = name, ended_at
        super().__init__(f"{name} was ended on {ended_at:%Y-%m-%d}. Add it anew, under another name.")


def add_site(*, at: datetime | None = None, by: By = SHOP, **told: Any) -> PublisherSite:
    """Add a site that publishes our coupons; `told` are its fields. Raises: ValidationError."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        site = PublisherSite(feed_key=token_urlsafe(16), created_at=at, **told)
        site.full_clean()
        site.save(force_insert=True)
        _record("site_added", site, by=by, at=at, after=told)
    return site


def change_site(
    *, site_id: int, told: Mapping[str, Any], at: datetime | None = None, by: By = SHOP
) -> PublisherSite:
    """Change what is known of a site; sheets that it has keep their texts.

    Locks: the site. Raises: ValidationError, SiteEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        site = _lock_open(site_id)
        before = {field: getattr(site, field) for field in told}
        for field, value in told.items():
            setattr(site, field, value)
        site.full_clean()
        site.save()
        _record("site_changed", site, by=by, at=at, before=before, after=told)
    return site


def renew_feed_key(*, site_id: int, at: datetime | None = None, by: By = SHOP) -> PublisherSite:
    """Give a site's feed another secret address; the old one is found no more. Locks: the site.

    Raises: SiteEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        site = _lock_open(site_id)
        site.feed_key = token_urlsafe(16)
        site.save()
        _record("site_key_renewed", site, by=by, at=at)
    return site


def end_site(*, site_id: int, at: datetime | None = None, by: By = SHOP) -> PublisherSite:
    """Work with a site no longer: its feed is gone. What it shows still has to be withdrawn. Locks: the site.

    Raises: SiteEnded.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        site = _lock_open(site_id)
        site.ended_at = at
        site.save()
        _record("site_ended", site, by=by, at=at)
    return site


def _lock_open(site_id: int) -> PublisherSite:
    site = lock_site(site_id)
    if site.ended_at is not None:
        raise SiteEnded(name=site.name, ended_at=site.ended_at)
    return site


def _record(
    kind: str,
    site: PublisherSite,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind, object_kind="publishersite", object_id=site.pk, by=by, at=at, before=before, after=after
    )
