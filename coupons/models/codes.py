"""Codes: one that everybody shares, one for each site that publishes it, or many that are good once."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Customer
from coupons.models.coupon import Coupon
from coupons.policies.states import CodeKind, CodeState

LONGEST_CODE = 40


class CodeKindChoices(models.TextChoices):
    SHARED = CodeKind.SHARED.value, _("Shared by everybody")
    SITE = CodeKind.SITE.value, _("For one site that publishes it")
    UNIQUE = CodeKind.UNIQUE.value, _("One of many")


class CodeStateChoices(models.TextChoices):
    READY = CodeState.READY.value, _("Ready")
    PAUSED = CodeState.PAUSED.value, _("Paused")
    VOID = CodeState.VOID.value, _("Void")


class CodeBatch(models.Model):
    """Codes that were made together, so that they can be paused, voided and counted together.

    States: `CodeState`; a code is good only while its batch is ready, so a pause changes one row and not a
    million. Written by the operations on batches, `used_count` by `operations.counters`. `wanted_count` is
    how many there are to be, also after a top-up, `made_count` how many are stored. Codes of it end at
    `ends_at` at the latest. `request_key` is whoever asked for it: the same request makes one batch.

    `used_count` and `void_count` say in one row what a million codes come to, so that no page counts them;
    `check-ledger` does. A code is used or void and never both. `filled_from` is how many there were when the
    filling began that goes on: it says where in the order of all codes the next chunk has its place.
    """

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="batches", verbose_name=_("coupon"))
    name = models.CharField(_("name"), max_length=80)
    state = models.CharField(
        _("state"), max_length=6, choices=CodeStateChoices, default=CodeStateChoices.READY
    )
    prefix = models.CharField(_("start with"), max_length=20, blank=True, default="")
    random_places = models.PositiveSmallIntegerField(_("random places"), default=8)
    wanted_count = models.PositiveIntegerField(_("how many"), default=0)
    made_count = models.PositiveIntegerField(_("made"), default=0)
    filled_from = models.PositiveIntegerField(_("made before the last top-up"), default=0)
    used_count = models.PositiveIntegerField(_("used"), default=0, db_default=0)
    void_count = models.PositiveIntegerField(_("void, one by one"), default=0, db_default=0)
    request_key = models.CharField(_("key of the request"), max_length=64, blank=True, default="")
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("batch of codes")
        verbose_name_plural = _("batches of codes")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CodeState]), name="encore_code_batch_state"
            ),
            models.CheckConstraint(
                condition=Q(made_count__lte=F("wanted_count")), name="encore_code_batch_made"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=False) | ~Q(state=CodeState.VOID.value),
                name="encore_code_batch_voided_at",
            ),
            models.CheckConstraint(
                condition=Q(made_count__gte=F("used_count") + F("void_count")),
                name="encore_code_batch_counts",
            ),
            models.CheckConstraint(
                condition=Q(filled_from__lte=F("made_count")), name="encore_code_batch_filled_from"
            ),
            models.UniqueConstraint(
                fields=["request_key"], condition=Q(request_key__gt=""), name="encore_code_batch_request"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(made_count__lt=F("wanted_count"), state=CodeState.READY.value),
                name="encore_code_batch_making",
            ),
        ]
        permissions = [("export_codes", "Can take codes out as a file or on paper")]

    def __str__(self) -> str:
        return self.name

    @property
    def free_count(self) -> int:
        """How many of its codes nobody has used and nobody has made void, one by one."""
        return self.made_count - self.used_count - self.void_count

    @property
    def is_made(self) -> bool:
        """Whether no code is missing."""
        return self.made_count == self.wanted_count


class Code(models.Model):
    """What somebody types to get a coupon: capital letters and digits, without spaces and dashes.

    States: `CodeState`. Written by `coupons.operations`; `used_count` by `coupons.operations.counters` alone.
    `written` is how the owner spells it; one of a batch is shown in groups of four. A code with a `customer`
    is good for that customer only; `ends_at` is its own end. `limit_total` is 1 for one of many, and empty
    where the coupon's own limits are enough.

    A million of them are stored by sorted COPY, hence few columns, and no index but those that are asked:
    the text, in the order of its bytes, the batch, and the coupon of those without one. The keys of coupon
    and batch are not the database's own, which would take longer to look up than to store the code; nobody
    deletes a coupon or a batch but with its codes, under its lock, and `check-ledger` asks.
    """

    coupon = models.ForeignKey(
        Coupon,
        models.PROTECT,
        related_name="codes",
        db_index=False,
        db_constraint=False,
        verbose_name=_("coupon"),
    )
    batch = models.ForeignKey(
        CodeBatch,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="codes",
        db_index=False,
        db_constraint=False,
        verbose_name=_("batch"),
    )
    code = models.CharField(_("code"), max_length=LONGEST_CODE)
    written = models.CharField(_("as written"), max_length=60, blank=True, default="", db_default="")
    kind = models.CharField(_("kind"), max_length=6, choices=CodeKindChoices)
    state = models.CharField(
        _("state"),
        max_length=6,
        choices=CodeStateChoices,
        default=CodeStateChoices.READY,
        db_default=CodeState.READY.value,
    )
    customer = models.ForeignKey(
        Customer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("customer"),
    )
    limit_total = models.PositiveIntegerField(
        _("at most so often in all"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    used_count = models.PositiveIntegerField(_("used so often"), default=0, db_default=0)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")
        constraints = [
            models.UniqueConstraint(fields=["code"], name="encore_code"),
            models.UniqueConstraint(
                fields=["coupon"],
                condition=Q(kind=CodeKind.SHARED.value) & ~Q(state=CodeState.VOID.value),
                name="encore_code_one_shared",
            ),
            models.CheckConstraint(
                condition=Q(limit_total__isnull=True) | Q(used_count__lte=F("limit_total")),
                name="encore_code_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in CodeKind]), name="encore_code_kind"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CodeState]), name="encore_code_state"
            ),
            models.CheckConstraint(condition=Q(code__gt=""), name="encore_code_not_empty"),
        ]
        indexes = [
            models.Index(fields=["coupon"], condition=Q(batch__isnull=True), name="encore_code_coupon"),
            models.Index(fields=["batch", "id"], condition=Q(batch__isnull=False), name="encore_code_batch"),
            models.Index(
                fields=["customer"], condition=Q(customer__isnull=False), name="encore_code_customer"
            ),
        ]

    def __str__(self) -> str:
        return self.written or self.code


class CodeTries(models.Model):
    """How soon one source may try a code again. It has no states; written by `coupons.operations.tries`.

    `source_hash` is a keyed hash of an address or a session, never the thing itself. `free_at` is when all
    tries are made good again: each wrong one moves it on, and a source that is too far ahead has to wait. One
    moment says as much as a count and a time, and needs no job to be right.
    """

    source_hash = models.CharField(_("source"), max_length=64)
    free_at = models.DateTimeField(_("all tries free at"))
    told_at = models.DateTimeField(_("guessing told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tries of codes")
        verbose_name_plural = _("tries of codes")
        constraints = [models.UniqueConstraint(fields=["source_hash"], name="encore_code_tries_source")]
        indexes = [models.Index(fields=["free_at"], name="encore_code_tries_free")]

    def __str__(self) -> str:
        return self.source_hash
