"""Rates without a rest, account numbers that are no cards, files that say what they can."""

from datetime import date

import pytest

from loyalty.policies.outside import (
    AccountRefused,
    FileKind,
    FileUnreadable,
    NotWholeSteps,
    check_account,
    exchange,
    is_pattern,
    is_payment_card,
)
from loyalty.policies.outside_files import read_file, read_reference, write_out, write_reference


@pytest.mark.parametrize(("asked", "gives"), [(500, 200), (1_000, 400), (10**9, 4 * 10**8)])
def test_whole_steps_are_exchanged_exactly(asked, gives):
    assert exchange(asked, step=500, gives=200) == gives


@pytest.mark.parametrize("asked", [0, -500, 1, 499, 501])
def test_nothing_else_is_exchanged_at_all(asked):
    with pytest.raises(NotWholeSteps):
        exchange(asked, step=500, gives=200)


@pytest.mark.parametrize(
    ("text", "pattern", "kept"),
    [
        ("fa 123-456", "FA######", "FA123456"),
        ("AB1234", "######, ??####", "AB1234"),
        ("12.34.56", "##-##-##", "123456"),
        ("7992739871-3", "###########", "79927398713"),
    ],
)
def test_an_account_number_is_kept_without_what_people_put_between(text, pattern, kept):
    assert check_account(text, pattern=pattern, has_check_digit=pattern == "###########") == kept


@pytest.mark.parametrize(
    "text", ["", "FA12345", "FA1234567", "FÀ123456", "FA12345\N{ARABIC-INDIC DIGIT SIX}"]
)
def test_what_does_not_fit_is_refused(text):
    with pytest.raises(AccountRefused):
        check_account(text, pattern="FA######", has_check_digit=False)


@pytest.mark.parametrize(
    ("number", "is_card"),
    [
        ("4111111111111111", True),
        ("5555555555554444", True),
        ("2223003122003222", True),
        ("378282246310005", True),
        ("FA4111111111111111", True),
        ("992000000000000", False),
        ("4111111111111112", False),
    ],
)
def test_a_payment_card_is_told_from_a_long_account_number(number, is_card):
    assert is_payment_card(number) is is_card


@pytest.mark.parametrize("text", ["FA######", "??####", "###, ????", "9##############"])
def test_a_pattern_is_a_pattern(text):
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", "a b", "[0-9]+", ",##", "#" * 41])
def test_what_is_no_pattern_is_none(text):
    assert not is_pattern(text)


def test_a_reference_is_read_as_it_was_written():
    assert (write_reference(7), read_reference("T00000007"), read_reference("T7")) == ("T00000007", 7, None)


def test_the_file_that_goes_out_has_the_same_bytes_each_time():
    rows = [(7, "FA123456", 400, date(2026, 3, 3))]

    assert (
        write_out(rows)
        == write_out(rows)
        == (b"reference,account,units,asked_on\r\nT00000007,FA123456,400,2026-03-03\r\n")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"Reference;Answer;Reason\nT00000007;Accepted;\n",
        "\ufeffreference,answer\r\nT00000007,accepted\r\n\r\n".encode(),
    ],
)
def test_answers_are_read_however_a_spreadsheet_has_saved_them(content):
    (row,) = read_file(content, FileKind.ANSWERS)

    assert (row.line, row.reference, row.answer, row.is_readable) == (2, "T00000007", "accepted", True)


@pytest.mark.parametrize("units", ["0", "-1", "1.5", "1e3", "", "9" * 11, "\N{ARABIC-INDIC DIGIT SIX}"])
def test_units_that_are_no_whole_number_are_not_read(units):
    (row,) = read_file(f"reference,account,units\nA,FA1,{units}\n".encode(), FileKind.INCOMING)

    assert (row.is_readable, row.units) == (False, 0)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n"])
def test_a_file_that_says_nothing_is_refused(content):
    with pytest.raises(FileUnreadable):
        read_file(content, FileKind.INCOMING)
