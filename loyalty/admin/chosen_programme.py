"""Which programme a page without one in its address is about."""

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from loyalty.models import Programme


def find_chosen(request: HttpRequest) -> Programme:
    """Give the programme that a request names, the first one where it names none. Raises: Http404."""
    programmes = Programme.objects.order_by("id")
    text = request.POST.get("programme", "") or request.GET.get("programme", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    programme = programmes.filter(pk=number).first() if number else programmes.first()
    if programme is None:
        raise Http404(_("There is no programme yet. Add one first."))
    return programme
