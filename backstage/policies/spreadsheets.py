"""Cells that a spreadsheet will open: what somebody typed must stay text there and never become a formula."""

from decimal import Decimal

# What Excel, LibreOffice or Google take as the beginning of a formula, or read past to find one.
# Source: OWASP, CSV injection.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")

Cell = str | int | Decimal | None


def safe_cell(value: Cell) -> str:
    """Write one cell of a CSV file: text that looks like a formula gets an apostrophe in front of it.

    Numbers stay numbers, negative ones too; only text was typed by somebody.
    """
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return str(value)
    text = value.replace("\0", "")
    return f"'{text}" if text.startswith(DANGEROUS) else text
