"""Products and imports, to look at: the shop's own catalog is where they are changed."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from backstage.admin.base import KeysetModelAdmin, ReadOnlyModelAdmin, column, display
from commerce.models import Import, Product
from commerce.policies.segments.words import say_money


@admin.register(Product)
class ProductAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """What the shop sells."""

    keyset = "sku"
    empty_text = gettext_lazy("No articles yet. They come with the shop's catalog; orders do without.")
    list_display = (
        column("name", gettext_lazy("name")),
        column("sku", gettext_lazy("article number")),
        column("brand", gettext_lazy("brand")),
        column("category_path", gettext_lazy("category")),
        "price",
        column("stock", gettext_lazy("stock")),
    )
    search_fields = ("sku", "name", "brand")

    @display(description=gettext_lazy("price"))
    def price(self, product: Product) -> str:
        return "–" if product.price_minor is None else say_money(product.price_minor, product.currency)


@admin.register(Import)
class ImportAdmin(ReadOnlyModelAdmin, KeysetModelAdmin):
    """Files that were read, and how far."""

    empty_text = gettext_lazy("No file was imported yet. “manage.py encore import” reads one.")
    list_display = (
        column("name", gettext_lazy("file")),
        column("channel", gettext_lazy("channel")),
        column("format", gettext_lazy("format")),
        column("line", gettext_lazy("line")),
        column("started_at", gettext_lazy("started")),
        column("finished_at", gettext_lazy("finished")),
    )
    list_select_related = ("channel",)
