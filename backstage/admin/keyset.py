"""Change lists that stay fast however long the table grows.

Django's list counts all rows, twice, and finds page 5,000 by reading the 4,999 before it. This one reads a
hundred rows after (or before) a given one, along an index, and one more to see whether to offer another
page. What is lost is "page 7 of 5,213" and sorting by any column; search and filters find things faster than
leafing.
"""

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from backstage.registry import Text

AFTER, BEFORE = "after", "before"
PAGE_SIZE = 100


class KeysetChangeList(ChangeList):
    """One page of a list in the order (field, id), found by the key of the page before or after it."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.after = request.GET.get(AFTER, "")
        self.before = request.GET.get(BEFORE, "")
        self.previous_link = self.next_link = ""
        super().__init__(request, *args, **kwargs)

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Leave the place in the list out of what filters see, and out of the links they make."""
        for name in (AFTER, BEFORE):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        filters: dict[str, Any] = super().get_filters_params(params)
        return filters

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """Return the order of the list; it is the model admin's `keyset` and nothing else."""
        sign, field = self.split_keyset()
        return [f"{sign}{field}", f"{sign}pk"] if field != "pk" else [f"{sign}pk"]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """Mark no column as sorted."""
        return {}

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more.

        Queries: 1.
        """
        backwards = bool(self.before)
        place = self.before or self.after
        queryset = self.queryset
        if place:
            queryset = queryset.filter(self.beyond(place, backwards=backwards))
        if backwards:
            queryset = queryset.reverse()
        rows = list(queryset[: self.list_per_page + 1])
        has_more, rows = len(rows) > self.list_per_page, rows[: self.list_per_page]
        if backwards:
            rows.reverse()
        if rows and (has_more if backwards else place):
            self.previous_link = self.get_query_string({BEFORE: self.key_of(rows[0])})
        if rows and (has_more or backwards):
            self.next_link = self.get_query_string({AFTER: self.key_of(rows[-1])})
        self._pretend_one_page(rows)

    def beyond(self, place: str, *, backwards: bool) -> Q:
        """Return the condition for rows after `place` in the order of the list, or before it.

        Written as `a <= x AND (a < x OR id < y)`: the first part alone lets the database start reading in
        the index.
        """
        sign, field = self.split_keyset()
        value, pk = self.parse(place)
        way = "lt" if (sign == "-") is not backwards else "gt"
        if field == "pk":
            return Q((f"pk__{way}", pk))
        return Q((f"{field}__{way}e", value)) & (Q((f"{field}__{way}", value)) | Q((f"pk__{way}", pk)))

    def key_of(self, row: Model) -> str:
        """Return the place of a row, for a link."""
        _sign, field = self.split_keyset()
        return f"{self.field(field).value_to_string(row)},{row.pk}"

    def parse(self, place: str) -> tuple[Any, Any]:
        """Read a place back from a link.

        Raises: IncorrectLookupParameters, which Django answers with the list's first page and a note.
        """
        _sign, field = self.split_keyset()
        value, _comma, pk = place.rpartition(",")
        try:
            value = self.field(field).to_python(value)
            pk = self.field("pk").to_python(pk)
        except (ValidationError, ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        if value is None or pk is None or not -(2**63) <= int(pk) < 2**63:
            raise IncorrectLookupParameters(place)
        return value, pk

    def split_keyset(self) -> tuple[str, str]:
        """Return the sign and the field of the model admin's `keyset`."""
        keyset: str = getattr(self.model_admin, "keyset", "-pk")
        field = keyset.removeprefix("-")
        return ("-" if keyset.startswith("-") else ""), ("pk" if field in ("id", "pk") else field)

    def field(self, name: str) -> "Field[Any, Any]":
        """Return the model's field of this name."""
        field = self.lookup_opts.pk if name == "pk" else self.lookup_opts.get_field(name)
        if not isinstance(field, Field):
            raise TypeError(f"{name!r} is no column of {self.lookup_opts.label}, so it cannot be a keyset.")
        return field

    def _pretend_one_page(self, rows: list[Any]) -> None:
        """Tell Django's templates that this page is all there is, so that they ask and show no counts."""
        self.result_list = rows
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(rows, self.list_per_page)


class KeysetMixin:
    """List by `keyset`: one field that is never NULL, with or without a minus; rows of equal value by id.

    `empty_text` says why a list is empty and what will appear in it.
    """

    keyset = "-pk"
    empty_text: Text = ""
    list_per_page = PAGE_SIZE
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a facet is a count
    sortable_by = ()
    change_list_template = "encore/backstage/keyset_change_list.html"

    class Media:
        css = {"all": ["encore/backstage/staff.css"]}
        js = ["encore/backstage/progress.js"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """List with our own class."""
        return KeysetChangeList
