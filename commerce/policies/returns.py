"""How much came back."""

from collections.abc import Iterable
from decimal import Decimal

from commerce.policies.snapshot import LineSnapshot


def returned_minor(
    *, sold_minor: int, quantity: int | Decimal, returned_quantity: int | Decimal, returned_minor: int | None
) -> int:
    """Return the amount that came back of one line: the amount that was told, else pro rata by quantity.

    Half a minor unit counts as a whole one; all of the quantity is always all of the amount.
    Units: minor units.
    """
    if returned_minor is not None:
        return returned_minor
    if not returned_quantity or not quantity:
        return 0
    part, whole = int(returned_quantity * 1000), int(quantity * 1000)
    return (2 * sold_minor * part + whole) // (2 * whole)


def returned_of(line: LineSnapshot) -> int:
    """Return the amount that came back of `line`, in minor units."""
    return returned_minor(
        sold_minor=line.sold_minor,
        quantity=line.quantity,
        returned_quantity=line.returned_quantity,
        returned_minor=line.returned_minor,
    )


def find_over_return(lines: Iterable[LineSnapshot], *, refunded_minor: int) -> dict[str, int | str] | None:
    """Return what is wrong where more came back than was sold, as numbers for the list of problems.

    Else None.
    """
    sold = returned = 0
    for line in lines:
        line_returned = returned_of(line) if line.returned_quantity or line.returned_minor else 0
        if line.returned_quantity > line.quantity or line_returned > line.sold_minor:
            return {"line": line.key, "sold_minor": line.sold_minor, "returned_minor": line_returned}
        sold += line.sold_minor
        returned += line_returned
    if returned + refunded_minor > sold:
        return {"sold_minor": sold, "returned_minor": returned, "refunded_minor": refunded_minor}
    return None
