"""Gift cards: value that was paid for and is owed, each card's ledger, and what orders have reserved.

A card's counters say where its money is, and the database itself checks that they add up to what was issued.
Only `coupons.ledger` writes them and `GiftCardMovement`, which is append-only by trigger.
"""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Customer
from commerce.models.constraints import currency_has_three_letters, is_one_of, not_negative
from coupons.policies.gift_cards import COUNTERS, GiftCardHoldState, GiftCardMove, GiftCardState


class GiftCardStateChoices(models.TextChoices):
    WAITING = GiftCardState.WAITING.value, _("Waits for approval")
    ACTIVE = GiftCardState.ACTIVE.value, _("Can be used")
    PAUSED = GiftCardState.PAUSED.value, _("Paused")
    VOID = GiftCardState.VOID.value, _("Void")


class GiftCardMoveChoices(models.TextChoices):
    ISSUE = GiftCardMove.ISSUE.value, _("issued")
    HOLD = GiftCardMove.HOLD.value, _("reserved")
    RELEASE = GiftCardMove.RELEASE.value, _("reservation ended")
    USE = GiftCardMove.USE.value, _("used")
    REFUND = GiftCardMove.REFUND.value, _("came back")
    EXPIRE = GiftCardMove.EXPIRE.value, _("expired")
    REINSTATE = GiftCardMove.REINSTATE.value, _("given back after its end")
    VOID = GiftCardMove.VOID.value, _("made void")


class GiftCardHoldStateChoices(models.TextChoices):
    OPEN = GiftCardHoldState.OPEN.value, _("open")
    CAPTURED = GiftCardHoldState.CAPTURED.value, _("used")
    VOIDED = GiftCardHoldState.VOIDED.value, _("given back")
    LAPSED = GiftCardHoldState.LAPSED.value, _("timed out")


class GiftCard(models.Model):
    """Money that somebody paid in advance, to be spent by whoever has the code. Tender, no reduction.

    States: `GiftCardState`; where its money is, the counters say. Written by
    `coupons.operations.gift_cards`, the counters by `coupons.ledger` alone. Units: minor units of `currency`.

    The code itself is nowhere: `code_hash` is keyed, so that a stolen copy of the table is worth nothing, and
    `key_mark` says by which key, so that a lost key is noticed before the first customer is turned away.
    `handle` stands for the card in a shop's basket. It can be used before `expires_at`, or `reprieve_ends_at`
    where money came back later; the last day is one of `time_zone`. Why counters and not sums: the lock needs
    a row, and the CHECK needs them in it.
    """

    handle = models.UUIDField(_("handle"), default=uuid4, unique=True, editable=False)
    code_hash = models.CharField(_("hash of the code"), max_length=64)
    key_mark = models.CharField(_("mark of the key"), max_length=8)
    last_four = models.CharField(_("code ends with"), max_length=4)
    issue_key = models.CharField(_("key"), max_length=120)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=7, choices=GiftCardStateChoices)
    issued_minor = models.BigIntegerField(_("issued (minor units)"))
    balance_minor = models.BigIntegerField(_("left (minor units)"), default=0)
    held_minor = models.BigIntegerField(_("reserved (minor units)"), default=0)
    used_minor = models.BigIntegerField(_("used (minor units)"), default=0)
    expired_minor = models.BigIntegerField(_("expired (minor units)"), default=0)
    voided_minor = models.BigIntegerField(_("made void (minor units)"), default=0)
    time_zone = models.CharField(_("time zone"), max_length=60)
    expires_at = models.DateTimeField(_("can be used until"), null=True, blank=True)
    reprieve_ends_at = models.DateTimeField(_("what came back, until"), null=True, blank=True)
    channel = models.CharField(_("sold in channel"), max_length=50, blank=True, default="")
    reference = models.CharField(_("sold with order"), max_length=100, blank=True, default="")
    buyer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("bought by")
    )
    owner = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("belongs to")
    )
    recipient = models.CharField(_("for"), max_length=80, blank=True, default="")
    message = models.CharField(_("message"), max_length=300, blank=True, default="")
    issued_at = models.DateTimeField(_("issued at"))

    class Meta:
        verbose_name = _("gift card")
        verbose_name_plural = _("gift cards")
        constraints = [
            models.UniqueConstraint(fields=["code_hash"], name="encore_gift_card_code"),
            models.UniqueConstraint(fields=["issue_key"], name="encore_gift_card_issue_key"),
            currency_has_three_letters("encore_gift_card_currency"),
            is_one_of("encore_gift_card_state", "state", [state.value for state in GiftCardState]),
            models.CheckConstraint(condition=Q(issued_minor__gt=0), name="encore_gift_card_issued"),
            # Backstops: the writer computes before it writes and must never rely on these.
            not_negative("encore_gift_card_not_negative", *(f"{money.value}_minor" for money in COUNTERS)),
            models.CheckConstraint(
                condition=Q(
                    state=GiftCardState.WAITING.value,
                    balance_minor=0,
                    held_minor=0,
                    used_minor=0,
                    expired_minor=0,
                    voided_minor=0,
                )
                | (
                    ~Q(state=GiftCardState.WAITING.value)
                    & Q(
                        issued_minor=F("balance_minor")
                        + F("held_minor")
                        + F("used_minor")
                        + F("expired_minor")
                        + F("voided_minor")
                    )
                ),
                name="encore_gift_card_conserves",
            ),
            models.CheckConstraint(
                condition=~Q(state=GiftCardState.VOID.value) | Q(balance_minor=0),
                name="encore_gift_card_void_is_empty",
            ),
            models.CheckConstraint(
                condition=Q(reprieve_ends_at__isnull=True) | Q(expires_at__isnull=False),
                name="encore_gift_card_reprieve_needs_end",
            ),
        ]
        indexes = [
            models.Index(fields=["last_four"], name="encore_gift_card_last_four"),
            models.Index(
                fields=["expires_at"],
                condition=Q(balance_minor__gt=0, expires_at__isnull=False),
                name="encore_gift_card_due",
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.last_four}"


class GiftCardHold(models.Model):
    """Money of one card that is reserved for an order until it is placed, given up, or time is up.

    States: `GiftCardHoldState`. Written by `coupons.operations.gift_cards` under the card's lock. It is open
    while `at < expires_at`. Why not a state on the movement: movements are never edited.
    """

    card = models.ForeignKey(
        GiftCard, models.PROTECT, related_name="holds", db_index=False, verbose_name=_("gift card")
    )
    channel = models.CharField(_("channel"), max_length=50)
    reference = models.CharField(_("order number"), max_length=100)
    key = models.CharField(_("key"), max_length=120)
    amount_minor = models.BigIntegerField(_("reserved (minor units)"))
    state = models.CharField(
        _("state"), max_length=8, choices=GiftCardHoldStateChoices, default=GiftCardHoldStateChoices.OPEN
    )
    reserved_at = models.DateTimeField(_("reserved at"))
    expires_at = models.DateTimeField(_("reserved until"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("reservation of a gift card")
        verbose_name_plural = _("reservations of gift cards")
        constraints = [
            models.UniqueConstraint(fields=["card", "key"], name="encore_gift_card_hold_key"),
            is_one_of("encore_gift_card_hold_state", "state", [state.value for state in GiftCardHoldState]),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="encore_gift_card_hold_positive"),
            models.CheckConstraint(
                condition=Q(state=GiftCardHoldState.OPEN.value, closed_at__isnull=True)
                | (~Q(state=GiftCardHoldState.OPEN.value) & Q(closed_at__isnull=False)),
                name="encore_gift_card_hold_closed_at",
            ),
        ]
        indexes = [
            models.Index(fields=["channel", "reference"], name="encore_gift_card_hold_order"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state=GiftCardHoldState.OPEN.value),
                name="encore_gift_card_hold_stale",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class GiftCardMovement(models.Model):
    """Money of one card going from one place to another. Append-only; nothing references it.

    Written once by `coupons.ledger`. `key` makes a retry harmless, `fingerprint` tells a retry from another
    request under the same key; what time decided has neither. `effective_at` is the due time for what
    time decided, otherwise the moment of the deed. Codes, numbers and ids only: why somebody did it stands in
    the log.
    """

    card = models.ForeignKey(
        GiftCard, models.PROTECT, related_name="movements", db_index=False, verbose_name=_("gift card")
    )
    move = models.CharField(_("what"), max_length=9, choices=GiftCardMoveChoices)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    hold = models.ForeignKey(
        GiftCardHold,
        models.PROTECT,
        null=True,
        related_name="movements",
        db_index=False,
        verbose_name=_("reservation"),
    )
    channel = models.CharField(_("channel"), max_length=50, default="", db_default="", blank=True)
    reference = models.CharField(_("order number"), max_length=100, default="", db_default="", blank=True)
    key = models.CharField(_("key"), max_length=120, default="", db_default="", blank=True)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, default="", db_default="", blank=True)
    by_kind = models.CharField(_("by"), max_length=12)
    by_id = models.CharField(_("by id"), max_length=40, default="", blank=True)
    effective_at = models.DateTimeField(_("effective at"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("movement of a gift card")
        verbose_name_plural = _("movements of gift cards")
        constraints = [
            models.UniqueConstraint(
                fields=["card", "key"], condition=Q(key__gt=""), name="encore_gift_card_movement_key"
            ),
            is_one_of("encore_gift_card_movement_move", "move", [move.value for move in GiftCardMove]),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="encore_gift_card_movement_amount"),
        ]
        indexes = [models.Index(fields=["card", "id"], name="encore_gift_card_history")]

    def __str__(self) -> str:
        return f"{self.get_move_display()}: {self.amount_minor}"


class GiftCardLimit(models.Model):
    """Up to how much one person may sell, make void or refund by hand alone, in one currency.

    It has no states; written by `coupons.operations.gift_cards`. Units: minor units. Without a row there is
    no limit in that currency.
    """

    currency = models.CharField(_("currency"), max_length=3, unique=True)
    alone_minor = models.BigIntegerField(_("alone up to (minor units)"))

    class Meta:
        verbose_name = _("limit of gift cards")
        verbose_name_plural = _("limits of gift cards")
        constraints = [
            currency_has_three_letters("encore_gift_card_limit_currency"),
            not_negative("encore_gift_card_limit_not_negative", "alone_minor"),
        ]

    def __str__(self) -> str:
        return self.currency
