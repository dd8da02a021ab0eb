"""Every language is complete, and what is shipped is what was translated."""

import gettext
import io
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings

ROOT: Path = settings.BASE_DIR
SOURCES = sorted(ROOT.glob("*/locale/*/LC_MESSAGES/django.po"))
COMPILE = "pybabel compile --domain django --directory {}"


def read(source):
    with source.open("rb") as file:
        return read_po(file)


def texts(message):
    return list(message.string) if message.pluralizable else [message.string]


def test_no_text_is_missing_or_uncertain():
    gaps = [
        f"{source.relative_to(ROOT)}: {message.id!r}"
        for source in SOURCES
        for message in read(source)
        if message.id and (message.fuzzy or not all(texts(message)))
    ]

    assert gaps == []


def test_every_app_that_speaks_a_language_speaks_all_of_them():
    spoken = {}
    for source in SOURCES:
        spoken.setdefault(source.parts[-5], []).append(source.parts[-3])

    wanted = sorted(code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)
    assert {app: codes for app, codes in spoken.items() if sorted(codes) != wanted} == {}


def test_the_compiled_texts_are_those_of_the_source():
    stale = []
    for source in SOURCES:
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or not says_the_same(compiled, source):
            stale.append(COMPILE.format(source.parents[2].relative_to(ROOT)))

    assert stale == []


def says_the_same(compiled, source):
    anew = io.BytesIO()
    write_mo(anew, read(source))
    anew.seek(0)
    with compiled.open("rb") as shipped:
        return catalog(shipped) == catalog(anew)


def catalog(file):
    """Return the texts by their keys, without the header, which names the day and the tool."""
    return {key: text for key, text in gettext.GNUTranslations(file)._catalog.items() if key}
