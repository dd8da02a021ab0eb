"""Three languages: every sentence with a count, for numbers whose grammar differs, and nothing forgotten."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import ngettext, trans_real
from django.utils.translation.template import templatize

from loyalty.queries import figures, sentences

pytestmark = pytest.mark.once

# Where texts are written, by the folder whose catalogs hold them. The site's templates lie beside `config`.
CODE = {
    "backstage": ("backstage",),
    "commerce": ("commerce",),
    "coupons": ("coupons",),
    "loyalty": ("loyalty",),
    "config": ("config", "templates"),
}
SOURCES = sorted(
    path for owner in CODE for path in (settings.BASE_DIR / owner).glob("locale/*/LC_MESSAGES/django.po")
)
NUMBERS = (0, 1, 2, 5, 12, 22, 112, 1240)
# Which form each number takes; Polish has three for whole numbers, and its fourth is never asked for.
FORMS = {"en": (1, 0, 1, 1, 1, 1, 1, 1), "nb": (1, 0, 1, 1, 1, 1, 1, 1), "pl": (2, 0, 1, 2, 2, 1, 2, 2)}
TEMPLATE_TEXT = re.compile(r"""gettext\(u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
GAP = re.compile(r"%\((\w+)\)[srd]")


@cache
def catalog(source: Path):
    with source.open("rb") as file:
        return read_po(file)


@cache
def plurals(language: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Collect the sentences with a count: their English and what stands for it."""
    if language == "en":
        return {message: message for message in plurals("nb")}
    found = [message for source in SOURCES if language in source.parts for message in catalog(source)]
    return {message.id: tuple(message.string) for message in found if message.pluralizable}


def files(owner: str, ending: str) -> Iterator[Path]:
    for folder in CODE[owner]:
        yield from (settings.BASE_DIR / folder).rglob(f"*.{ending}")


def of_code(owner: str) -> set[str]:
    """Collect every text that an app, or the site, has translated, read as the code stands now."""
    found = set()
    keywords = {
        name: (1, 2) if name.startswith("n") else None
        for name in ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy")
    }
    for path in files(owner, "py"):
        with path.open("rb") as file:
            for _, text, _, _ in extract("python", file, keywords=keywords):
                found.add(text[0] if isinstance(text, tuple) else text)
    for path in files(owner, "html"):
        said = templatize(path.read_text(encoding="utf-8"))
        found |= {ast.literal_eval(text) for text in re.findall(TEMPLATE_TEXT, said)}
    return found


@pytest.mark.parametrize("language", FORMS)
@pytest.mark.parametrize("number", NUMBERS)
def test_every_sentence_with_a_count_takes_the_form_that_its_number_asks_for(language, number):
    form = FORMS[language][NUMBERS.index(number)]

    with translation.override(language):
        spoken = {message: ngettext(*message, number) for message in plurals(language)}

    assert len(spoken) >= 40
    assert {
        message: text for message, text in spoken.items() if text != plurals(language)[message][form]
    } == {}


@pytest.mark.parametrize("language", ["pl", "nb"])
def test_every_form_fills_the_gaps_of_its_english(language):
    differing = []
    for source in (path for path in SOURCES if language in path.parts):
        for message in catalog(source):
            english = message.id if message.pluralizable else [message.id]
            needed, given = set(GAP.findall(english[0])), set(GAP.findall(english[-1]))
            forms = message.string if message.pluralizable else [message.string]
            differing += [form for form in forms if not needed <= set(GAP.findall(form)) <= given]

    assert differing == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: "-".join(path.parts[-5:-2]))
def test_the_plural_rule_is_djangos_own_so_that_a_shop_can_override_our_texts(source):
    language = source.parts[-3]
    django = Path(trans_real.__file__).parents[2] / "conf/locale" / language / "LC_MESSAGES/django.mo"

    with source.with_suffix(".mo").open("rb") as ours, django.open("rb") as theirs:
        rules = [GNUTranslations(file).plural.__code__ for file in (ours, theirs)]

    assert rules[0] == rules[1]


@pytest.mark.slow
@pytest.mark.parametrize("owner", CODE)
def test_every_text_of_the_code_is_in_the_catalogs_and_no_other(owner):
    written = of_code(owner)

    for source in (path for path in SOURCES if path.parts[-5] == owner):
        messages = [message for message in catalog(source) if message.id]
        known = {message.id[0] if message.pluralizable else message.id for message in messages}
        assert (sorted(written - known), sorted(known - written)) == ([], [])


@pytest.mark.parametrize("language", ["pl", "nb"])
def test_a_text_that_two_catalogs_hold_is_translated_alike(language):
    """Django puts all of them into one: whichever came last would speak for both."""
    found: dict[tuple[object, object], set[object]] = {}
    for source in (path for path in SOURCES if language in path.parts):
        for message in catalog(source):
            found.setdefault((message.context, message.id), set()).add(message.string)
    del found[None, ""]

    assert {message: texts for message, texts in found.items() if len(texts) > 1} == {}


def test_polish_changes_the_verb_with_the_number():
    with translation.override("pl"):
        said = [sentences.expiring(count, "30 listopada").replace("\xa0", " ") for count in (1, 3, 5, 1240)]

    assert said == [
        "1 punkt wygasa 30 listopada.",
        "3 punkty wygasają 30 listopada.",
        "5 punktów wygasa 30 listopada.",
        "1 240 punktów wygasa 30 listopada.",
    ]


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ("1,240", "−85", "+85", "€8.50", "¥850", "−€0.05")),
        ("pl", ("1 240", "−85", "+85", "8,50 €", "850 JPY", "−0,05 €")),
        ("nb", ("1 240", "−85", "+85", "8,50 €", "850 JPY", "−0,05 €")),
    ],
)
def test_figures_are_written_as_the_language_does(language, written):
    with translation.override(language):
        said = (
            figures.number(1240),
            figures.number(-85),
            figures.signed(85),
            figures.money(850, "EUR"),
            figures.money(850, "JPY"),
            figures.money(-5, "EUR"),
        )

    assert tuple(text.replace("\xa0", " ") for text in said) == written
    assert all(" " not in text for text in said)
