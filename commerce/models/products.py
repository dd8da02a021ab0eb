"""What the shop sells."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from commerce.models.constraints import currency_has_three_letters, not_negative


class Product(models.Model):
    """An article as the shop last described it.

    Written by `sync_products`. NULL says unknown: a cost of 0 would make every margin look whole. Purchase
    lines keep their own copy of name, brand and category, because what was bought does not change when the
    catalog does.
    """

    sku = models.CharField(_("article number"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=300)
    brand = models.CharField(_("brand"), max_length=200, blank=True, default="")
    category_path = models.CharField(_("category"), max_length=500, blank=True, default="")
    price_minor = models.BigIntegerField(_("price (minor units)"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    cost_minor = models.BigIntegerField(_("cost (minor units)"), null=True, blank=True)
    stock = models.IntegerField(_("stock"), null=True, blank=True)
    updated_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            currency_has_three_letters("encore_product_currency"),
            not_negative("encore_product_not_negative", "price_minor", "cost_minor"),
        ]

    def __str__(self) -> str:
        return self.name or self.sku
