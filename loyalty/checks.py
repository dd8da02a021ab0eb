"""System checks of loyalty: what is wrong in the settings of the member pages or in its doors."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from backstage.checks import find_duplicates
from loyalty import conf
from loyalty.registry import member_page_sections


@register()
def check_member_page_sections(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E002: two sections of the member page under one name."""
    return find_duplicates(member_page_sections)


@register()
def check_member_page_settings(**_kwargs: Any) -> list[CheckMessage]:
    """encore.E003: a theme or heading level that does not exist."""
    messages: list[CheckMessage] = []
    for read in (conf.theme, conf.heading_level):
        try:
            read()
        except ImproperlyConfigured as error:
            messages.append(Error(str(error), id="encore.E003"))
    return messages
