"""What levels and plans share where a change is announced: what is said, and the button that calls it off."""

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from backstage import clock
from backstage.admin.base import by_staff
from loyalty.models import Announcement, Programme
from loyalty.operations.changes.cancelling import CannotCancel, cancel_announcement
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort
from loyalty.policies.changes.notice import first_whole_day
from loyalty.policies.changes.subjects import Subject
from loyalty.queries import figures
from loyalty.queries.changes.words import say_lowers, say_moment


def say_announced(programme: Programme, standing: Announcement | None, at: datetime) -> str:
    """Say that a change is announced; nothing where none is, because it holds already."""
    if standing is None:
        return ""
    day = say_moment(standing.starts_at, programme, now=at)
    return _("Announced. It holds from %(date)s on, and you can call it off until then.") % {"date": day}


def say_refusal(programme: Programme, refusal: Exception, at: datetime) -> str:
    """Put the refusal of a day into words, with the way out."""
    if isinstance(refusal, AlreadyAnnounced):
        told = {"date": say_moment(refusal.starts_at, programme, now=at)}
        return _("A change is announced for %(date)s already. Call it off first, or wait for its day.") % told
    if isinstance(refusal, NoticeTooShort):
        day = first_whole_day(refusal.earliest, programme.zone)
        lowers = _("This takes something away: %(what)s.") % {"what": say_lowers(refusal.lowers)}
        first = _("Members are told %(days)s days before. Choose %(date)s or a later day.") % {
            "days": figures.number(refusal.notice_days),
            "date": f"{day:%Y-%m-%d}",
        }
        return f"{lowers} {first}"
    return _("This day has passed. Choose today or a later day.")


def call_off(request: HttpRequest, subject: Subject) -> Announcement:
    """Call off what a button names, and say so. Raises: Http404 where there is no such announcement."""
    text = request.POST.get("announcement", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    announcement = Announcement.objects.filter(pk=number, subject=subject.value).first()
    if announcement is None:
        raise Http404
    try:
        cancel_announcement(announcement_id=number, at=clock.now(), by=by_staff(request.user))
        messages.success(request, _("Called off. Everything stays as it is."))
    except CannotCancel:
        messages.warning(request, _("It holds already, or was called off before. Make a new change instead."))
    return announcement
