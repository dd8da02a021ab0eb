"""The catalog is as the shop last described it."""

from datetime import UTC, datetime

from commerce.models import Product
from commerce.operations import ProductSnapshot, sync_products

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


def product(sku="MUG", **told):
    return ProductSnapshot(**{"sku": sku, "name": "Mug", "currency": "EUR"} | told)


def test_an_unknown_cost_stays_unknown(db):
    assert sync_products([product(price_minor=500)], at=AT) == 1

    mug = Product.objects.get()
    assert (mug.price_minor, mug.cost_minor, mug.stock, mug.updated_at) == (500, None, None, AT)


def test_a_product_is_overwritten_by_what_is_told_last(db):
    sync_products([product(cost_minor=200, stock=3), product("TEA")], at=AT)

    assert sync_products([product(stock=2), product(stock=1, brand="Clay")], at=AT) == 1

    mug = Product.objects.get(sku="MUG")
    assert (mug.stock, mug.brand, mug.cost_minor) == (1, "Clay", None)
    assert Product.objects.count() == 2


def test_a_shop_that_sells_to_order_has_a_negative_stock(db):
    sync_products([product(stock=-4)], at=AT)

    assert Product.objects.get().stock == -4


def test_no_products_are_no_statement(django_assert_num_queries, db):
    with django_assert_num_queries(2):
        assert sync_products([], at=AT) == 0
