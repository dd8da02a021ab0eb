"""What pages say about batches: a promise in a sentence, the odds of guessing, how the codes stand."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_day, say_number
from coupons.models import CodeBatch, Coupon
from coupons.policies.code_text import odds
from coupons.policies.states import CodeState
from coupons.queries.batches import Shares, count_alike, get_shares


def say_last_day(ends_at: datetime, coupon: Coupon) -> str:
    """Say the last day on which codes are good, in the coupon's own zone."""
    return say_day((ends_at.astimezone(ZoneInfo(coupon.time_zone)) - timedelta(microseconds=1)).date())


def say_end(batch: CodeBatch) -> str:
    """Say until when the codes of a batch are good."""
    coupon: Coupon = batch.coupon
    ends = [end for end in (batch.ends_at, coupon.ends_at) if end is not None]
    if not ends:
        return _("without an end")
    return _("until %(day)s") % {"day": say_last_day(min(ends), coupon)}


def say_promise(batch: CodeBatch, example: str) -> str:
    """Say in a sentence what is made."""
    sentence = ngettext(
        "%(n)s code such as %(example)s, good once, %(until)s.",
        "%(n)s codes such as %(example)s, each good once, %(until)s.",
        batch.wanted_count,
    )
    told = {"n": say_number(batch.wanted_count), "example": example, "until": say_end(batch)}
    return sentence % told


def say_odds(batch: CodeBatch) -> str:
    """Say how hard a code is to guess, for who knows how they begin. Queries: 1."""
    besides = None if batch._state.adding else batch.pk
    alike = count_alike(prefix=batch.prefix, places=batch.random_places, besides=besides)
    guesses = odds(count=batch.wanted_count + alike, places=batch.random_places)
    return _("Guessing: one hit in about %(n)s tries, and whoever guesses is slowed down.") % {
        "n": say_number(guesses)
    }


def say_state(batch: CodeBatch, at: datetime) -> tuple[str, str]:
    """Say where a batch stands; a key for its colour, and the words."""
    if batch.state == CodeState.READY and not batch.is_made:
        return "making", _("Being made")
    if batch.state == CodeState.READY and batch.ends_at is not None and batch.ends_at <= at:
        return "over", _("Over")
    return batch.state, batch.get_state_display()


def say_progress(batch: CodeBatch) -> str:
    """Say how far the making of a batch is."""
    told = {"made": say_number(batch.made_count), "wanted": say_number(batch.wanted_count)}
    if batch.is_made:
        return _("All are made: %(wanted)s.") % told
    if batch.state == CodeState.PAUSED:
        return _("Made so far: %(made)s of %(wanted)s. The others wait until you let it go on.") % told
    if batch.made_count == batch.filled_from:
        return _("Made so far: %(made)s of %(wanted)s. It goes on within a minute.") % told
    return _("Made so far: %(made)s of %(wanted)s.") % told


def list_bars(batch: CodeBatch, at: datetime) -> list[dict[str, Any]]:
    """Give the shares of a batch as a picture of one line needs them: words, number, where and how wide."""
    shares: Shares = get_shares(batch, at=at)
    named = (
        ("used", _("used"), shares.used),
        ("free", _("free"), shares.free),
        ("paused", _("paused"), shares.paused),
        ("over", _("over, never used"), shares.over),
        ("void", _("void"), shares.void),
        ("missing", _("not made yet"), shares.missing),
    )
    bars, at_number = [], 0
    for key, words, count in named:
        if count:
            x = _part(at_number, batch.wanted_count)
            width = _part(at_number + count, batch.wanted_count) - x
            bars.append({"key": key, "words": words, "n": say_number(count), "x": x, "width": width})
            at_number += count
    return bars


def _part(count: int, whole: int) -> int:
    """Give a share in thousandths."""
    return round(1000 * count / whole)


def say_moment(at: datetime) -> str:
    """Say a moment as the reader writes it."""
    return str(date_format(at, "SHORT_DATETIME_FORMAT"))
