"""Articles, brands and categories by name, for whoever picks some; and what an article costs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction

from commerce.models import Product, PurchaseLine

MOST_FOUND = 10
# A shop that does not tell its articles is searched by what it sold last.
LINES_LOOKED_AT = 5_000
# So many articles are looked through for the names of brands and categories.
PRODUCTS_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can be picked: `kind` is the field of a rule that takes its `value`."""

    kind: str
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Article:
    """An article with what it costs; None where nobody knows. Units: minor units of `currency`."""

    sku: str
    name: str
    brand: str
    category_path: str
    price_minor: int | None
    currency: str


def search_goods(text: str) -> list[Found]:
    """Find articles, brands and categories by a part of their name: at most ten of each. Queries: 3; 4 where
    the shop has told no articles.
    """
    text = text.strip()
    if not text:
        return []
    if not Product.objects.exists():
        return _search_sold(text)
    products = Product.objects.filter(name__icontains=text) | Product.objects.filter(sku__iexact=text)
    rows = products.order_by("name", "sku").values_list("sku", "name")[:MOST_FOUND]
    named = Product.objects.filter(brand__icontains=text) | Product.objects.filter(
        category_path__icontains=text
    )
    pairs = named.order_by("brand", "category_path").values_list("brand", "category_path").distinct()
    return [
        *(Found("skus", sku, name or sku) for sku, name in rows),
        *_named(text, pairs[:PRODUCTS_LOOKED_AT]),
    ]


def _search_sold(text: str) -> list[Found]:
    lines = PurchaseLine.objects.filter(is_goods=True).order_by("-id")
    rows = list(lines.values_list("sku", "name", "brand", "category_path")[:LINES_LOOKED_AT])
    names = {sku: name for sku, name, _, _ in reversed(rows) if sku}
    wanted = text.casefold()
    hits = sorted(
        (name or sku, sku)
        for sku, name in names.items()
        if wanted in name.casefold() or wanted == sku.casefold()
    )
    return [
        *(Found("skus", sku, name) for name, sku in hits[:MOST_FOUND]),
        *_named(text, {(brand, path) for _, _, brand, path in rows}),
    ]


def _named(text: str, pairs: Iterable[tuple[str, str]]) -> list[Found]:
    """Give the brands, and the categories at the height at which their own name fits."""
    wanted, brands, paths = text.casefold(), set(), set()
    for brand, path in pairs:
        if wanted in brand.casefold():
            brands.add(brand)
        parts = path.split("/")
        paths |= {"/".join(parts[: n + 1]) for n, part in enumerate(parts) if wanted in part.casefold()}
    return [
        *(Found("brands", brand, brand) for brand in sorted(brands)[:MOST_FOUND]),
        *(Found("category_paths", path, path) for path in sorted(paths)[:MOST_FOUND]),
    ]


def name_articles(skus: Collection[str]) -> dict[str, str]:
    """Give the names of articles that are known, by article number. Queries: 1; 0 without any."""
    if not skus:
        return {}
    return dict(Product.objects.filter(sku__in=skus).exclude(name="").values_list("sku", "name"))


def list_articles(skus: Collection[str]) -> dict[str, Article]:
    """Give articles with their price: as told, or else as last sold. Queries: at most 2."""
    rows = Product.objects.filter(sku__in=skus)
    found = {
        row.sku: Article(row.sku, row.name, row.brand, row.category_path, row.price_minor, row.currency)
        for row in rows
    }
    missing = [sku for sku in skus if sku not in found or found[sku].price_minor is None]
    if missing:
        sold = PurchaseLine.objects.filter(sku__in=missing, is_goods=True, quantity__gt=0)
        for line in sold.select_related("purchase").order_by("-id")[:LINES_LOOKED_AT][::-1]:
            price_minor = int(line.sold_minor / line.quantity)
            found[line.sku] = Article(
                line.sku, line.name, line.brand, line.category_path, price_minor, line.purchase.currency
            )
    return found


def list_tax_shares(skus: Collection[str]) -> dict[str, Fraction]:
    """Give what share of the price was tax when an article was last sold, by article number. Queries: 1.

    What was never sold is not in it.
    """
    sold = PurchaseLine.objects.filter(sku__in=skus, is_goods=True, sold_minor__gt=0).order_by("-id")
    rows = list(sold.values_list("sku", "tax_minor", "sold_minor")[:LINES_LOOKED_AT])
    return {sku: Fraction(tax_minor, sold_minor) for sku, tax_minor, sold_minor in reversed(rows)}
