"""Points on their way out of the programme and into it, and the files that carry them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.member import Member
from loyalty.models.outside import OutsideAccount, OutsideProgramme, OutsideRate
from loyalty.policies.outside import (
    LONGEST_ACCOUNT,
    LONGEST_REFERENCE,
    FileKind,
    RowFault,
    RowState,
    TransferState,
)


class TransferStateChoices(models.TextChoices):
    WAITING = TransferState.WAITING.value, _("goes out with the next file")
    SENT = TransferState.SENT.value, _("sent, no answer yet")
    ACCEPTED = TransferState.ACCEPTED.value, _("accepted")
    REFUSED = TransferState.REFUSED.value, _("refused, points given back")
    CALLED_OFF = TransferState.CALLED_OFF.value, _("called off, points given back")
    REPORTED = TransferState.REPORTED.value, _("accepted too late, points are gone")


class FileKindChoices(models.TextChoices):
    ANSWERS = FileKind.ANSWERS.value, _("answers to what we sent")
    INCOMING = FileKind.INCOMING.value, _("points that come in")


class RowStateChoices(models.TextChoices):
    WAITING = RowState.WAITING.value, _("waiting")
    TAKEN = RowState.TAKEN.value, _("taken")
    KNOWN = RowState.KNOWN.value, _("known already")
    FAULTY = RowState.FAULTY.value, _("not taken")


class RowFaultChoices(models.TextChoices):
    UNREADABLE = RowFault.UNREADABLE.value, _("A cell is empty or cannot be read.")
    UNKNOWN_REFERENCE = RowFault.UNKNOWN_REFERENCE.value, _("We sent nothing under this reference.")
    NOT_SENT = RowFault.NOT_SENT.value, _("It has not been sent, so there is nothing to answer.")
    OTHER_ANSWER = RowFault.OTHER_ANSWER.value, _("It was answered before, otherwise.")
    UNKNOWN_ACCOUNT = RowFault.UNKNOWN_ACCOUNT.value, _("No member has told us this account.")
    NOT_ACTIVE = (
        RowFault.NOT_ACTIVE.value,
        _("The member is paused or has left, or the programme gives nothing."),
    )
    NO_RATE = RowFault.NO_RATE.value, _("No rate for points that come in holds now.")
    NOT_WHOLE_STEPS = RowFault.NOT_WHOLE_STEPS.value, _("It is no whole number of the rate's steps.")
    OTHER_CONTENT = RowFault.OTHER_CONTENT.value, _("This reference came before, with something else.")
    TWICE_IN_FILE = RowFault.TWICE_IN_FILE.value, _("This reference stands in the file before.")


class TransferFile(models.Model):
    """What goes out to an outside programme on one local day: at most one file a day.

    Written by `loyalty.operations.transfer_files`. Its content is not stored: it is written anew from its
    transfers, which never change in what it says of them, so the bytes are the same.
    """

    outside = models.ForeignKey(
        OutsideProgramme,
        models.PROTECT,
        related_name="files",
        db_index=False,
        verbose_name=_("outside programme"),
    )
    day_on = models.DateField(_("day"))
    rows = models.PositiveIntegerField(_("transfers"))
    points = models.BigIntegerField(_("points"))
    units = models.BigIntegerField(_("their points"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("transfer file")
        verbose_name_plural = _("transfer files")
        constraints = [
            models.UniqueConstraint(fields=["outside", "day_on"], name="encore_transfer_file_day"),
        ]

    def __str__(self) -> str:
        return f"{self.outside_id} {self.day_on}"


class Transfer(models.Model):
    """Points that a member exchanges for those of an outside programme.

    States: waiting → sent → accepted, refused or reported; or called off before it is sent, each by a guarded
    update. The points are held from the first moment, and captured when the outside programme accepts. `key`
    makes a double click one transfer. Written by `loyalty.operations.exchanges` and `answers`.
    """

    outside = models.ForeignKey(
        OutsideProgramme, models.PROTECT, related_name="+", verbose_name=_("outside programme")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="transfers", db_index=False, verbose_name=_("member")
    )
    account = models.ForeignKey(
        OutsideAccount, models.PROTECT, related_name="+", db_index=False, verbose_name=_("account")
    )
    rate = models.ForeignKey(
        OutsideRate, models.PROTECT, related_name="+", db_index=False, verbose_name=_("rate")
    )
    file = models.ForeignKey(
        TransferFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="transfers",
        verbose_name=_("file"),
    )
    key = models.CharField(_("key"), max_length=64)
    points = models.BigIntegerField(_("points"))
    units = models.BigIntegerField(_("their points"))
    state = models.CharField(
        _("state"), max_length=10, choices=TransferStateChoices, default=TransferStateChoices.WAITING
    )
    hold_id = models.BigIntegerField(_("reservation"), unique=True)
    asked_at = models.DateTimeField(_("asked for at"))
    held_until_at = models.DateTimeField(_("reserved until"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="encore_transfer_key"),
            models.CheckConstraint(condition=Q(points__gt=0, units__gt=0), name="encore_transfer_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "called_off"], file__isnull=True)
                | Q(state__in=["sent", "accepted", "refused", "reported"], file__isnull=False),
                name="encore_transfer_sent_with_file",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sent"], answered_at__isnull=True)
                | (~Q(state__in=["waiting", "sent"]) & Q(answered_at__isnull=False)),
                name="encore_transfer_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points} → {self.units}"


class ReceivedFile(models.Model):
    """A file that came in, known by the digest of its bytes. Only checked while `is_dry_run`.

    Written by `loyalty.operations.received_files`. Its rows are read once and worked by a job, row by row in
    parts; a file that was not read to its end goes on where it stopped, because rows know whether they wait.
    """

    outside = models.ForeignKey(
        OutsideProgramme,
        models.PROTECT,
        related_name="received",
        db_index=False,
        verbose_name=_("outside programme"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=FileKindChoices)
    name = models.CharField(_("file"), max_length=255)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    is_dry_run = models.BooleanField(_("only checked"))
    rows = models.PositiveIntegerField(_("rows"))
    received_at = models.DateTimeField(_("received at"))
    received_by_kind = models.CharField(max_length=20)
    received_by_id = models.CharField(max_length=100, blank=True, default="")
    received_by_label = models.CharField(_("received by"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("received file")
        verbose_name_plural = _("received files")
        constraints = [
            models.UniqueConstraint(
                fields=["outside", "kind", "fingerprint"], name="encore_received_file_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReceivedRow(models.Model):
    """One row of a file that came in: waiting, then taken, known already, or not taken with its fault."""

    file = models.ForeignKey(
        ReceivedFile, models.PROTECT, related_name="received_rows", db_index=False, verbose_name=_("file")
    )
    line = models.PositiveIntegerField(_("line"))
    reference = models.CharField(_("reference"), max_length=LONGEST_REFERENCE)
    account = models.CharField(_("account"), max_length=LONGEST_ACCOUNT, blank=True, default="")
    units = models.BigIntegerField(_("their points"), default=0)
    answer = models.CharField(_("answer"), max_length=8, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=100, blank=True, default="")
    state = models.CharField(
        _("state"), max_length=8, choices=RowStateChoices, default=RowStateChoices.WAITING
    )
    fault = models.CharField(_("fault"), max_length=20, choices=RowFaultChoices, blank=True, default="")

    class Meta:
        verbose_name = _("row of a received file")
        verbose_name_plural = _("rows of received files")
        indexes = [
            models.Index(fields=["file", "id"], condition=Q(state="waiting"), name="encore_received_row_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["file", "line"], name="encore_received_row_line"),
            models.CheckConstraint(
                condition=Q(state="faulty", fault__gt="") | (~Q(state="faulty") & Q(fault="")),
                name="encore_received_row_fault",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.reference}"


class IncomingTransfer(models.Model):
    """Units of an outside programme that became points of ours: once for each reference of theirs.

    Written once by `loyalty.operations.incoming`. `entry_key` leads to the ledger.
    """

    outside = models.ForeignKey(
        OutsideProgramme,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("outside programme"),
    )
    reference = models.CharField(_("reference"), max_length=LONGEST_REFERENCE)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="incoming_transfers", verbose_name=_("member")
    )
    account = models.ForeignKey(
        OutsideAccount, models.PROTECT, related_name="+", db_index=False, verbose_name=_("account")
    )
    rate = models.ForeignKey(
        OutsideRate, models.PROTECT, related_name="+", db_index=False, verbose_name=_("rate")
    )
    file = models.ForeignKey(
        ReceivedFile, models.PROTECT, related_name="+", db_index=False, verbose_name=_("file")
    )
    units = models.BigIntegerField(_("their points"))
    points = models.BigIntegerField(_("points"))
    entry_key = models.CharField(_("key of the entry"), max_length=80)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("incoming transfer")
        verbose_name_plural = _("incoming transfers")
        constraints = [
            models.UniqueConstraint(fields=["outside", "reference"], name="encore_incoming_once"),
            models.CheckConstraint(condition=Q(points__gt=0, units__gt=0), name="encore_incoming_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.points}"
