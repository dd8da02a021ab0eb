"""Who did it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class By:
    """Who asked for a change, as plain values.

    A key to the user table would tie what must never change to rows that a shop may rename or delete; so the
    id and the name are written down as they were.
    """

    kind: str
    id: str = ""
    label: str = ""

    def __str__(self) -> str:
        return self.label or (f"{self.kind} {self.id}" if self.id else self.kind)


SHOP = By("shop")
SYSTEM = By("system")
