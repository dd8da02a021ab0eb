"""Which articles a rule speaks of."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goods:
    """Articles named by number, by brand, or by category; a category takes in those below it."""

    skus: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    category_paths: tuple[str, ...] = ()

    def fits(self, *, sku: str, brand: str, category_path: str) -> bool:
        """Tell whether an article is among them."""
        in_category = any(
            category_path == path or category_path.startswith(f"{path}/") for path in self.category_paths
        )
        return sku in self.skus or brand in self.brands or in_category


def may_share(one: Goods | None, other: Goods | None) -> bool:
    """Tell whether an article may be in both; None is all goods.

    Only what is named in one and the same way is surely apart: nobody knows of what brand an article is.
    """
    if one is None or other is None:
        return True
    left, right = _named(one), _named(other)
    if len(left) != 1 or left.keys() != right.keys():
        return True
    (kind,) = left
    if kind == "category_paths":
        return any(_is_below(path, above) for path in left[kind] for above in right[kind])
    return bool(set(left[kind]) & set(right[kind]))


def _named(goods: Goods) -> dict[str, Iterable[str]]:
    kinds = ("skus", "brands", "category_paths")
    return {kind: getattr(goods, kind) for kind in kinds if getattr(goods, kind)}


def _is_below(left: str, right: str) -> bool:
    """Tell whether one of two categories takes in the other."""
    return left == right or left.startswith(f"{right}/") or right.startswith(f"{left}/")
