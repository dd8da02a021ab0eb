"""What somebody typed never runs in a spreadsheet."""

from decimal import Decimal

import pytest

from backstage.policies.spreadsheets import safe_cell


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r\n=1", "'\r\n=1"),
        ("\0=1", "'=1"),
        ("＝1", "'＝1"),
        ("Anna", "Anna"),
        ("a=b", "a=b"),
        ("", ""),
        (None, ""),
        (-5, "-5"),
        (Decimal("-0.50"), "-0.50"),
    ],
)
def test_text_that_looks_like_a_formula_stays_text_and_numbers_stay_numbers(value, written):
    assert safe_cell(value) == written
