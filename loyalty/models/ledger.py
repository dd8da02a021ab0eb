"""The points ledger.

Points never appear or vanish: they move. For every lot the database itself checks `issued = pending +
available + held + redeemed + expired + revoked`. Only `loyalty.ledger` writes these tables, `Entry` and
`Movement` are append-only by trigger, and nothing references a movement, so that the hot tables can be split
by member or by month later without a rewrite. Keys between them carry no constraint in the database (a
nightly check verifies them): such keys cost nearly half of the nightly run.
"""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.programme import LotTerms
from loyalty.policies.states import ALLOWED_CHANGES, EntryKind, State

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class StateChoices(models.IntegerChoices):
    ISSUANCE = State.ISSUANCE.value, _("issued")
    PENDING = State.PENDING.value, _("on the way")
    AVAILABLE = State.AVAILABLE.value, _("ready")
    HELD = State.HELD.value, _("reserved")
    REDEEMED = State.REDEEMED.value, _("spent")
    EXPIRED = State.EXPIRED.value, _("expired")
    REVOKED = State.REVOKED.value, _("taken back")


class EntryKindChoices(models.IntegerChoices):
    ACCRUE = EntryKind.ACCRUE.value, _("points on their way")
    RELEASE = EntryKind.RELEASE.value, _("points ready")
    HOLD = EntryKind.HOLD.value, _("points reserved")
    CAPTURE = EntryKind.CAPTURE.value, _("points spent")
    VOID = EntryKind.VOID.value, _("reservation ended")
    EXPIRE = EntryKind.EXPIRE.value, _("points expired")
    REVOKE = EntryKind.REVOKE.value, _("points taken back")
    REINSTATE = EntryKind.REINSTATE.value, _("points returned")
    SET_DATE = EntryKind.SET_DATE.value, _("date set")
    MERGE = EntryKind.MERGE.value, _("accounts merged")


def _not_negative(*fields: str) -> Q:
    return Q(**{f"{field}__gte": 0 for field in fields})


_COUNTERS = ("pending", "available", "held", "redeemed", "expired", "revoked")


def _counter(label: "str | _StrPromise") -> models.BigIntegerField:
    return models.BigIntegerField(label, default=0, db_default=0)


class PointsAccount(models.Model):
    """A member's sums, and the lock that every posting takes first.

    A cache of the movements (`check-ledger` compares), kept because the lock needs a row anyway. `active_at`
    is the member's last deed, from which lots that end by inactivity take their end.
    """

    member = models.OneToOneField(Member, models.PROTECT, related_name="account", verbose_name=_("member"))
    pending = _counter(_("on the way"))
    available = _counter(_("ready"))
    held = _counter(_("reserved"))
    redeemed = _counter(_("spent"))
    expired = _counter(_("expired"))
    revoked = _counter(_("taken back"))
    debt = _counter(_("owed by the member"))
    active_at = models.DateTimeField(_("last activity"), null=True, blank=True)

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            # Backstops: writers compute before they write and must never rely on these.
            models.CheckConstraint(
                condition=_not_negative(*_COUNTERS, "debt"), name="encore_account_not_negative"
            ),
            models.CheckConstraint(condition=Q(debt=0) | Q(available=0), name="encore_account_debt_first"),
        ]

    def __str__(self) -> str:
        return str(self.member_id)


class Lot(models.Model):
    """Points granted together: one source, one window, one expiry.

    States: the six counters, which always sum to `issued`. A date is NULL while it waits for a fact, or for
    "never"; it is set once, by an entry. Usable until the later of `expires_at` and `reprieved_until`; a lot
    with `lapse_months` ends that long after the account's `active_at` instead. Why counters and not sums: the
    nightly run and every checkout ask for lots with points left, and the CHECK below needs them in one row.
    """

    member = models.ForeignKey(
        Member,
        models.PROTECT,
        related_name="lots",
        db_constraint=False,
        db_index=False,
        verbose_name=_("member"),
    )
    entry_id = models.BigIntegerField(_("entry"))
    number = models.PositiveSmallIntegerField(_("number in its entry"), default=0)
    terms = models.ForeignKey(
        LotTerms,
        models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("terms"),
    )
    source_kind = models.CharField(_("source"), max_length=12)
    source_id = models.BigIntegerField(_("source id"), null=True)
    issued = models.BigIntegerField(_("issued"))
    pending = _counter(_("on the way"))
    available = _counter(_("ready"))
    held = _counter(_("reserved"))
    redeemed = _counter(_("spent"))
    expired = _counter(_("expired"))
    revoked = _counter(_("taken back"))
    earned_at = models.DateTimeField(_("earned at"))
    dated_at = models.DateTimeField(_("dates known since"), null=True)
    releases_at = models.DateTimeField(_("ready at"), null=True)
    expires_at = models.DateTimeField(_("usable until"), null=True)
    reprieved_until = models.DateTimeField(_("reprieved until"), null=True)
    lapse_months = models.PositiveSmallIntegerField(_("ends after months without activity"), null=True)
    waits_for = models.CharField(_("waits for"), max_length=8, default="", blank=True)
    stands_in_at = models.DateTimeField(_("order date stands in at"), null=True)
    twin_of = models.BigIntegerField(_("twin of lot"), null=True)

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        indexes = [
            models.Index(fields=["member", "releases_at"], condition=Q(pending__gt=0), name="encore_lot_due"),
            models.Index(
                fields=["member", "expires_at", "earned_at", "id"],
                condition=Q(available__gt=0),
                name="encore_lot_fifo",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["member", "entry_id", "number"], name="encore_lot_of_entry"),
            models.CheckConstraint(condition=Q(issued__gt=0), name="encore_lot_issued_positive"),
            models.CheckConstraint(condition=_not_negative(*_COUNTERS), name="encore_lot_not_negative"),
            models.CheckConstraint(
                condition=Q(
                    issued=F("pending")
                    + F("available")
                    + F("held")
                    + F("redeemed")
                    + F("expired")
                    + F("revoked")
                ),
                name="encore_lot_conserves",
            ),
            models.CheckConstraint(
                condition=Q(waits_for="", releases_at__isnull=False, dated_at__isnull=False)
                | (~Q(waits_for="") & Q(releases_at__isnull=True, stands_in_at__isnull=False)),
                name="encore_lot_dated_or_waiting",
            ),
            models.CheckConstraint(
                condition=Q(reprieved_until__isnull=True)
                | Q(expires_at__isnull=False)
                | Q(lapse_months__isnull=False),
                name="encore_lot_reprieve_needs_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.issued}"


class Entry(models.Model):
    """One business fact in the ledger, with what is needed to explain it. Append-only.

    Written once by `loyalty.ledger`. Codes, numbers and ids only: whatever a person wrote or is called lives
    in an `EntryNote`, which can be erased. `key` makes a retry harmless, `fingerprint` tells a retry from
    another request under the same key. `occurred_at` is the business time (the due time for what time
    decided), `recorded_at` the moment of writing. `debt_change` and `let_go_points` say what a claw-back
    could not take; `qualifying_change` counts towards levels at `qualifying_at`, the date of the award that
    it corrects.
    """

    member = models.ForeignKey(
        Member,
        models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
        verbose_name=_("member"),
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=EntryKindChoices)
    key = models.CharField(_("key"), max_length=80)
    fingerprint = models.CharField(_("fingerprint"), max_length=32, db_default="")
    source_kind = models.CharField(_("source"), max_length=12, default="", blank=True)
    source_id = models.BigIntegerField(_("source id"), null=True)
    corrects = models.BigIntegerField(_("corrects entry"), null=True)
    channel_id = models.BigIntegerField(_("channel"), null=True)
    by_kind = models.CharField(_("by"), max_length=12)
    by_id = models.CharField(_("by id"), max_length=40, default="", blank=True)
    reason = models.CharField(_("reason"), max_length=24)
    explanation = models.JSONField(_("explanation"), default=dict, db_default=Value({}, models.JSONField()))
    debt_change = _counter(_("change of debt"))
    let_go_points = _counter(_("points let go"))
    qualifying_change = _counter(_("change of level points"))
    qualifying_at = models.DateTimeField(_("level points count at"), null=True)
    occurred_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    batch = models.BigIntegerField(_("written by job chunk"), null=True)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        indexes = [models.Index(fields=["member", "-occurred_at", "-id"], name="encore_entry_history")]
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="encore_entry_key"),
            models.CheckConstraint(condition=Q(let_go_points__gte=0), name="encore_entry_let_go"),
            models.CheckConstraint(
                condition=Q(qualifying_change=0) | Q(qualifying_at__isnull=False),
                name="encore_entry_qualifying_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.get_kind_display()}"


class EntryNote(models.Model):
    """What people wrote about an entry and who they are: the part of the history that can be erased."""

    entry_id = models.BigIntegerField(_("entry"), unique=True)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("member")
    )
    by_label = models.CharField(_("by"), max_length=80, default="", blank=True)
    for_member = models.CharField(_("message to the member"), max_length=200, default="", blank=True)
    internal = models.TextField(_("internal note"), default="", blank=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return str(self.entry_id)


class Movement(models.Model):
    """Points of one lot going from one state to another. Append-only; nothing references it.

    `effective_at` is the due time for release, expiry and timed-out holds (never before the lot's own accrual
    or the entry that set its date), otherwise the moment of the deed. Past balances and reports use it.
    """

    member = models.ForeignKey(
        Member,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("member"),
    )
    entry_id = models.BigIntegerField(_("entry"))
    lot_id = models.BigIntegerField(_("lot"))
    from_state = models.PositiveSmallIntegerField(_("from"), choices=StateChoices)
    to_state = models.PositiveSmallIntegerField(_("to"), choices=StateChoices)
    points = models.BigIntegerField(_("points"))
    effective_at = models.DateTimeField(_("effective at"))

    class Meta:
        verbose_name = _("movement")
        verbose_name_plural = _("movements")
        indexes = [models.Index(fields=["member", "entry_id"], name="encore_movement_entry")]
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="encore_movement_positive"),
            models.CheckConstraint(
                condition=Q(
                    *[
                        Q(from_state=from_state.value, to_state=to_state.value)
                        for from_state, to_state in sorted(ALLOWED_CHANGES)
                    ],
                    _connector=Q.OR,
                ),
                name="encore_movement_allowed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}: {self.get_from_state_display()} → {self.get_to_state_display()}"


class HoldState(models.TextChoices):
    OPEN = "open", _("open")
    CAPTURED = "captured", _("captured")
    VOIDED = "voided", _("voided")


class Hold(models.Model):
    """Points reserved for a basket or reward until it is confirmed, abandoned or timed out.

    States: open → captured or voided, each once, by a guarded update. It is open while `at < expires_at`; its
    lots are the movements of its entry. Why not a state on the entry: entries are never edited.
    """

    member = models.ForeignKey(
        Member,
        models.PROTECT,
        related_name="holds",
        db_constraint=False,
        db_index=False,
        verbose_name=_("member"),
    )
    entry_id = models.BigIntegerField(_("entry"))
    points = models.BigIntegerField(_("points"))
    reference = models.CharField(_("basket or order"), max_length=80, default="", blank=True)
    state = models.CharField(_("state"), max_length=8, choices=HoldState, default=HoldState.OPEN)
    expires_at = models.DateTimeField(_("reserved until"))
    closed_by = models.BigIntegerField(_("closed by entry"), null=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        indexes = [
            models.Index(fields=["member", "expires_at"], condition=Q(state="open"), name="encore_hold_open"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["member", "entry_id"], name="encore_hold_of_entry"),
            models.CheckConstraint(condition=Q(points__gt=0), name="encore_hold_positive"),
            models.CheckConstraint(
                condition=Q(state="open", closed_by__isnull=True)
                | (~Q(state="open") & Q(closed_by__isnull=False)),
                name="encore_hold_closed_by_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.points}"
