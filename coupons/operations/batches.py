"""Batches of codes: asked for, made, topped up, paused, void. Nothing that was made is ever deleted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.policies.segments.words import say_number
from coupons.conf import CODE_ODDS
from coupons.locks import lock_batch
from coupons.models import CodeBatch, Coupon
from coupons.operations.code_making import AT_ONCE, make_codes
from coupons.policies.code_text import LEAST_PLACES, LONGEST_PREFIX, MOST_CODES, MOST_PLACES, odds, places_for
from coupons.policies.codes import is_code, normal_code
from coupons.policies.states import CodeState, CouponState
from coupons.queries.batches import count_alike


class BatchStepRefused(ValueError):
    """A batch cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A batch of codes that is {state} can't be {deed}.")


class BatchUnfinished(ValueError):
    """A batch that is still being made is not topped up: its codes would not be spread evenly."""

    def __init__(self, *, made: int, wanted: int) -> None:
        self.made, self.wanted = made, wanted
        super().__init__(f"{made} of {wanted} codes are made. Wait for the others, then make more.")


class BatchChanged(ValueError):
    """A batch is not as large as whoever asked had seen it."""

    def __init__(self, *, seen: int, wanted: int) -> None:
        self.seen, self.wanted = seen, wanted
        super().__init__(f"This batch has {wanted} codes by now, not {seen}. Look at it again.")


def request_batch(
    *,
    coupon_id: int,
    name: str,
    count: int,
    prefix: str = "",
    places: int | None = None,
    ends_at: datetime | None = None,
    request_key: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> CodeBatch:
    """Ask for a batch of codes that are good once each. A few are made at once, many by the job `make_codes`.

    `places` are random; left out, there are as many as guessers deserve. Replay: the same `request_key` gives
    the batch that it made, whatever else is asked. Raises: ValidationError naming the fields,
    Coupon.DoesNotExist.
    """
    at = clock.now() if at is None else at
    batch = CodeBatch(
        coupon=Coupon.objects.get(id=coupon_id),
        name=name.strip(),
        prefix=normal_code(prefix),
        random_places=places_for(count=count) if places is None else places,
        wanted_count=count,
        ends_at=ends_at,
        request_key=request_key,
        created_at=at,
    )
    try:
        with transaction.atomic():
            if stored := _find(request_key):
                return stored
            check_batch(batch, at=at)
            batch.save(force_insert=True)
            told = ("name", "prefix", "random_places", "wanted_count", "ends_at")
            _record(
                "batch_requested", batch, by=by, at=at, after={name: getattr(batch, name) for name in told}
            )
            _make_few(batch, at)
    except IntegrityError:
        if stored := _find(request_key):  # a double click, whose first half was faster
            return stored
        raise
    return batch


def top_up_batch(
    *, batch_id: int, more: int, seen_count: int, at: datetime | None = None, by: By = SHOP
) -> CodeBatch:
    """Ask for more codes of a batch that whoever asks has seen with `seen_count` of them.

    Replay: a batch that has `seen_count + more` already stays as it is. Locks: the batch.
    Raises: ValidationError naming the field; BatchStepRefused, BatchUnfinished, BatchChanged.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        batch = lock_batch(batch_id)
        if batch.wanted_count == seen_count + more:
            return batch
        _require(batch, "topped up", CodeState.READY, CodeState.PAUSED)
        if batch.wanted_count != seen_count:
            raise BatchChanged(seen=seen_count, wanted=batch.wanted_count)
        if not batch.is_made:
            raise BatchUnfinished(made=batch.made_count, wanted=batch.wanted_count)
        batch.wanted_count, batch.filled_from = seen_count + more, batch.made_count
        check_batch(batch, at=at, more=more)
        batch.save(update_fields=["wanted_count", "filled_from"])
        counts = {"before": {"wanted_count": seen_count}, "after": {"wanted_count": batch.wanted_count}}
        _record("batch_topped_up", batch, by=by, at=at, **counts)
        _make_few(batch, at)
    return batch


def pause_batch(*, batch_id: int, at: datetime | None = None, by: By = SHOP) -> CodeBatch:
    """Let nobody use the codes of a batch until it goes on; what is not made yet waits as well.

    Replay: one that is paused stays so. Locks: the batch. Raises: BatchStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        batch = lock_batch(batch_id)
        if batch.state != CodeState.PAUSED:
            _require(batch, "paused", CodeState.READY)
            batch.state, batch.paused_at = CodeState.PAUSED.value, at
            batch.save(update_fields=["state", "paused_at"])
            _record("batch_paused", batch, by=by, at=at)
    return batch


def resume_batch(*, batch_id: int, at: datetime | None = None, by: By = SHOP) -> CodeBatch:
    """Make the codes of a paused batch good again, and go on making those that are missing.

    Replay: one that is ready stays so. Locks: the batch. Raises: BatchStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        batch = lock_batch(batch_id)
        if batch.state != CodeState.READY:
            _require(batch, "resumed", CodeState.PAUSED)
            batch.state, batch.paused_at = CodeState.READY.value, None
            batch.save(update_fields=["state", "paused_at"])
            _record("batch_resumed", batch, by=by, at=at)
    return batch


def void_batch(*, batch_id: int, at: datetime | None = None, by: By = SHOP) -> CodeBatch:
    """Let nobody ever use the codes of a batch again; what was used stays used, no more are made.

    Replay: one that is void stays so. Locks: the batch.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        batch = lock_batch(batch_id)
        if batch.state != CodeState.VOID:
            before = {"state": batch.state, "wanted_count": batch.wanted_count}
            batch.state, batch.voided_at = CodeState.VOID.value, at
            batch.wanted_count = batch.made_count
            batch.save(update_fields=["state", "voided_at", "wanted_count"])
            after = {"state": batch.state, "wanted_count": batch.wanted_count}
            _record("batch_voided", batch, by=by, at=at, before=before, after=after)
    return batch


def record_export(*, batch_id: int, form: str, at: datetime | None = None, by: By = SHOP) -> None:
    """Note that codes of a batch were taken out, by whom, in which form, and how many there were."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        batch = CodeBatch.objects.get(id=batch_id)
        _record("codes_exported", batch, by=by, at=at, after={"form": form, "codes": batch.made_count})


def check_batch(batch: CodeBatch, *, at: datetime, more: int | None = None) -> None:
    """Refuse a batch that cannot be. Queries: 1. Raises: ValidationError naming the fields."""
    problems = {**_list_problems(batch, at), **_list_count_problems(batch, more)}
    if not problems and (problem := _problem_of_odds(batch)):
        problems["random_places"] = problem
    if problems:
        raise ValidationError(problems)
    batch.full_clean(exclude=["coupon"], validate_constraints=False, validate_unique=False)


# -- the parts -----------------------------------------------------------------------------------------------


def _list_problems(batch: CodeBatch, at: datetime) -> dict[str, str]:
    coupon: Coupon = batch.coupon
    problems = {}
    if coupon.state == CouponState.ENDED:
        problems["coupon"] = _("This coupon has ended. Choose another one.")
    elif coupon.is_automatic:
        problems["coupon"] = _("This coupon needs no code: whoever buys gets it. Choose another one.")
    if batch.prefix and not is_code(batch.prefix):
        problems["prefix"] = _("Use letters A to Z and digits, such as SUN.")
    elif len(batch.prefix) > LONGEST_PREFIX:
        problems["prefix"] = _("Use at most %(most)s letters.") % {"most": LONGEST_PREFIX}
    if batch.ends_at is not None and batch.ends_at <= at:
        problems["ends_at"] = _("This moment has passed. Choose a later one.")
    return problems


def _list_count_problems(batch: CodeBatch, more: int | None) -> dict[str, str]:
    problems = {}
    if (batch.wanted_count if more is None else more) < 1 or batch.wanted_count > MOST_CODES:
        problems["wanted_count"] = _("A batch has 1 to %(most)s codes.") % {"most": say_number(MOST_CODES)}
    if not LEAST_PLACES <= batch.random_places <= MOST_PLACES:
        problems["random_places"] = _("Choose %(least)s to %(most)s random letters.") % {
            "least": LEAST_PLACES,
            "most": MOST_PLACES,
        }
    return problems


def _problem_of_odds(batch: CodeBatch) -> str:
    """Refuse codes that are too easy to guess, together with those of other batches that look alike."""
    count = batch.wanted_count + count_alike(
        prefix=batch.prefix, places=batch.random_places, besides=batch.pk
    )
    guesses = odds(count=count, places=batch.random_places)
    # Below a hundred they would also take too long to draw.
    least = max(CODE_ODDS.get(), 100)
    if guesses >= least:
        return ""
    better = places_for(count=count, wanted_odds=least)
    if not batch._state.adding:
        return _("One guess in %(odds)s would hit. Make a new batch with longer codes instead.") % {
            "odds": say_number(guesses)
        }
    return _("One guess in %(odds)s would hit. Use %(places)s random letters or more.") % {
        "odds": say_number(guesses),
        "places": better,
    }


def _find(request_key: str) -> CodeBatch | None:
    return CodeBatch.objects.filter(request_key=request_key).first() if request_key else None


def _make_few(batch: CodeBatch, at: datetime) -> None:
    """Make the codes of a small batch now, so that nobody waits for the job."""
    if batch.wanted_count - batch.made_count <= AT_ONCE:
        make_codes(batch_id=batch.pk, at_most=AT_ONCE, at=at)
        batch.refresh_from_db(fields=["made_count"])


def _require(batch: CodeBatch, deed: str, *states: CodeState) -> None:
    if batch.state not in states:
        raise BatchStepRefused(state=batch.state, deed=deed)


def _record(
    kind: str,
    batch: CodeBatch,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind, object_kind="codebatch", object_id=batch.pk, by=by, at=at, before=before, after=after
    )
