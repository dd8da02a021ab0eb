"""Which articles a rule speaks of."""

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
