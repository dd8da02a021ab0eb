"""What the demo's shop sells: coffee and what goes with it. Prices in minor units of EUR, tax included."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """One thing on the shelf, and how often it is asked for beside the others."""

    sku: str
    name: str
    brand: str
    category_path: str
    price_minor: int
    cost_minor: int
    weight: int


ARTICLES: tuple[Article, ...] = (
    Article("ESP", "Espresso", "House", "bar/coffee", 280, 45, 30),
    Article("CAP", "Cappuccino", "House", "bar/coffee", 390, 70, 34),
    Article("FLT", "Filter coffee", "House", "bar/coffee", 320, 40, 22),
    Article("BUN", "Cardamom bun", "House", "bar/bakery", 350, 95, 26),
    Article("SKY", "Skyr with berries", "House", "bar/bakery", 520, 190, 8),
    Article("BEAN-ETH-250", "Beans Yirgacheffe, 250 g", "North Roast", "shelf/beans", 1290, 610, 16),
    Article("BEAN-COL-250", "Beans Huila, 250 g", "North Roast", "shelf/beans", 1150, 540, 15),
    Article("BEAN-COL-1000", "Beans Huila, 1 kg", "North Roast", "shelf/beans", 3990, 2050, 5),
    Article("DECAF-250", "Decaf, 250 g", "Fjord Coffee", "shelf/beans", 1190, 590, 6),
    Article("FILT-100", "Paper filters, 100 pieces", "Fjord Coffee", "shelf/gear", 590, 210, 9),
    Article("MUG-BLUE", "Mug, blue glaze", "Keramikk Nord", "shelf/gear", 2200, 1400, 7),
    Article("MUG-SAND", "Mug, sand glaze", "Keramikk Nord", "shelf/gear", 2200, 1400, 6),
    Article("DRIPPER", "Dripper, porcelain", "Keramikk Nord", "shelf/gear", 3400, 1900, 3),
    Article("GRINDER", "Hand grinder", "Kvern", "machines", 8900, 5200, 2),
    Article("KETTLE", "Gooseneck kettle", "Kvern", "machines", 6900, 4100, 2),
    Article("MACHINE", "Espresso machine", "Kvern", "machines", 48900, 33500, 1),
    Article("TASTING", "Tasting for two", "House", "courses", 6000, 1500, 2),
    Article("GIFTBOX", "Gift box", "North Roast", "shelf/gifts", 3900, 1950, 5),
)
BY_SKU = {article.sku: article for article in ARTICLES}

NAMES = (
    "Anna Kowalska", "Ola Hansen", "Marek Nowak", "Ingrid Berg", "Jonas Lie", "Sofie Dahl", "Piotr Wójcik",
    "Emma Lund", "Henrik Moe", "Zofia Mazur", "Nora Haugen", "Jakub Zieliński", "Thea Solberg",
    "Lars Bakke", "Hanna Król", "Erik Vik", "Maja Strand", "Tomasz Lis", "Frida Holm", "Adam Wrona",
    "Sara Nygård", "Kacper Duda", "Ida Fossum", "Magnus Aas", "Julia Pawlak", "Even Ruud", "Oliwia Sikora",
    "Mathilde Eng", "Filip Czech", "Live Myhre",
)  # fmt: skip
