"""Two things every answer of the stand-alone site needs, and no package does well on both of our Djangos."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

NORWEGIAN = re.compile(r"\b(?:no|nn)\b(?=\s*(?:[-;,]|$))", re.IGNORECASE)

PAGES_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# Unfold draws with Alpine, which compiles expressions in the page and sets styles on elements. Only the
# shop's staff sees the admin; members' pages keep the strict policy.
ADMIN_POLICY = (
    PAGES_POLICY + "; script-src 'self' 'unsafe-eval' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)


def norwegian(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponse]:
    """Read "no" and "nn" in what the browser asks for as Bokmål, which is what we speak.

    Django knows `nb` only and would answer in English; browsers in Norway often send plain `no`.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        asked = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        request.META["HTTP_ACCEPT_LANGUAGE"] = NORWEGIAN.sub("nb", asked)
        return get_response(request)

    return middleware


def content_security_policy(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponse]:
    """Let pages load what this site serves and nothing else; a view may have set a policy of its own.

    Django has this from 6.0 on; the LTS has not.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        policy = ADMIN_POLICY if request.path.startswith(settings.ADMIN_PATH) else PAGES_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
