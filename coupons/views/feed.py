"""The coupon feed: for everybody, and for one site with its own codes.

Anybody may keep it for some minutes, but never beyond the next moment at which the clock changes it. Whoever
asks again with what we sent last is told "not modified" in a few bytes.
"""

from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from backstage import clock
from coupons import conf
from coupons.models import PublisherSite
from coupons.queries.feed import get_feed
from coupons.views.feed_formats import FORMATS, Frame


@require_safe
def feed(request: HttpRequest, form: str) -> HttpResponse:
    """Answer with the public coupons and the codes that everybody shares."""
    return _answer(request, form, None)


@require_safe
def site_feed(request: HttpRequest, key: str, form: str) -> HttpResponse:
    """Answer with the public coupons and the codes of the site whose secret stands in the address."""
    site = PublisherSite.objects.filter(feed_key=key, ended_at__isnull=True).first()
    if site is None:
        raise Http404
    return _answer(request, form, site)


def _answer(request: HttpRequest, form: str, site: PublisherSite | None) -> HttpResponse:
    if form not in FORMATS:
        raise Http404
    at = clock.now()
    language = _language(request, site)
    with translation.override(language):
        found = get_feed(at, keep_days=conf.FEED_KEEP_DAYS.get(), site=site)
        body = FORMATS[form].write(found, _frame(request, language)).encode()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    changed = http_date(found.changed_at.timestamp()) if found.changed_at else ""
    if _has_it(request, etag, changed):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(body, content_type=FORMATS[form].content_type)
        response.headers["Content-Language"] = language
    response.headers["ETag"] = etag
    if changed:
        response.headers["Last-Modified"] = changed
    seconds = _seconds(at, found.changes_at)
    # A site's own codes are for that site: no cache between us may hand them to others.
    patch_cache_control(response, **{"private" if site else "public": True}, max_age=seconds)
    return response


def _has_it(request: HttpRequest, etag: str, changed: str) -> bool:
    """Tell whether whoever asks has just this content.

    A time counts only where it is the one that we gave: a coupon that is used up has changed at no known
    moment, so "since" would be a guess.
    """
    if tags := request.headers.get("If-None-Match"):
        told = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return etag in told or "*" in told
    return bool(changed) and request.headers.get("If-Modified-Since") == changed


def _language(request: HttpRequest, site: PublisherSite | None) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    asked = [request.GET.get("lang", ""), site.language if site else "", settings.LANGUAGE_CODE]
    return next((code for code in asked if code in known), "en")


def _frame(request: HttpRequest, language: str) -> Frame:
    return Frame(
        shop=conf.FEED_SHOP.get() or request.get_host(),
        link=conf.FEED_LINK.get() or request.build_absolute_uri("/"),
        address=request.build_absolute_uri(request.get_full_path()),
        language=language,
    )


def _seconds(at: datetime, changes_at: datetime | None) -> int:
    most = conf.FEED_SECONDS.get()
    return most if changes_at is None else max(0, min(most, int((changes_at - at).total_seconds())))
