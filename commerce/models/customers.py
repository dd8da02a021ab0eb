"""Who buys."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from commerce.models.constraints import is_one_of
from commerce.policies.identities import SCOPED_KINDS, IdentityKind


class Customer(models.Model):
    """Anyone the shop sold to, with or without a login.

    A customer is current, merged into another (`merged_into`) or erased (`erased_at`). Written by
    `sync_purchases` and `operations.customers`. A merge moves no purchase and no identity: whoever reads a
    customer resolves `merged_into` first, so that an un-merge is one cleared column and not a guess at what
    belonged to whom.

    The user is a nullable key with SET_NULL, because a shop deletes its accounts and the books have to
    outlive them.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("login"),
    )
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    place = models.CharField(_("place"), max_length=200, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    tags = models.JSONField(_("tags"), default=list, blank=True)
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    merged_at = models.DateTimeField(_("merged at"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)
    created_at = models.DateTimeField(_("known since"))

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(merged_into__isnull=True) | ~models.Q(merged_into=models.F("id")),
                name="encore_customer_merged_into_another",
            ),
            models.CheckConstraint(
                condition=models.Q(merged_into__isnull=True, merged_at__isnull=True)
                | models.Q(merged_into__isnull=False, merged_at__isnull=False),
                name="encore_customer_merged_at_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


KIND_VALUES = [kind.value for kind in IdentityKind]
SCOPED_VALUES = sorted(kind.value for kind in SCOPED_KINDS)
KIND_CHOICES = [
    (IdentityKind.EXTERNAL_ID.value, _("External id")),
    (IdentityKind.MEMBER_NUMBER.value, _("Member number")),
    (IdentityKind.CARD_TOKEN.value, _("Card token")),
    (IdentityKind.EMAIL.value, _("E-mail address")),
    (IdentityKind.PHONE.value, _("Phone number")),
]


class Identity(models.Model):
    """One way to recognize a customer: an address, a number, a token.

    Verified or not. A verified identity belongs to exactly one customer; the same address without proof may
    stand at many. Written by `sync_purchases` and `operations.customers`. The value is stored in its normal
    form (`policies.identities`), so that equal means equal. The login is no identity: it is `Customer.user`.

    `opened_guest` marks the address under which a guest record was opened. One row of an address may carry
    it, so two processes that meet an address in the same moment end with one record. It goes to the next
    record when the first has become an account by other means.
    """

    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        related_name="identities",
        db_index=False,
        verbose_name=_("customer"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=KIND_CHOICES)
    scope = models.CharField(_("valid in"), max_length=50, blank=True, default="")
    value = models.CharField(_("value"), max_length=320)
    verified_at = models.DateTimeField(_("proven at"), null=True, blank=True)
    created_at = models.DateTimeField(_("known since"))
    opened_guest = models.BooleanField(_("opened a guest record"), default=False, db_default=False)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "scope", "value"],
                condition=models.Q(verified_at__isnull=False),
                name="encore_identity_one_owner_when_verified",
            ),
            models.UniqueConstraint(
                fields=["customer", "kind", "scope", "value"], name="encore_identity_once_per_customer"
            ),
            models.UniqueConstraint(
                fields=["kind", "scope", "value"],
                condition=models.Q(opened_guest=True),
                name="encore_identity_opened_one_guest",
            ),
            is_one_of("encore_identity_kind", "kind", KIND_VALUES),
            models.CheckConstraint(condition=~models.Q(value=""), name="encore_identity_value_not_empty"),
            # An external id means something in one channel only, an e-mail means the same in all of them.
            models.CheckConstraint(
                condition=(models.Q(kind__in=SCOPED_VALUES) & ~models.Q(scope=""))
                | (~models.Q(kind__in=SCOPED_VALUES) & models.Q(scope="")),
                name="encore_identity_scope_fits_kind",
            ),
        ]
        indexes = [models.Index(fields=["value", "kind", "scope"], name="encore_identity_value")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class PossibleDuplicate(models.Model):
    """Two customers who may be one person, for somebody to decide.

    Open until `resolved_at`; the outcome is `merged` or `different`. Written when one purchase names two
    known customers. Never merged by machine: a shared family address would hand one person's points to
    another.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("customer")
    )
    other = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="+", verbose_name=_("other customer")
    )
    reason = models.CharField(_("reason"), max_length=30)
    evidence = models.JSONField(_("evidence"), default=dict)
    found_at = models.DateTimeField(_("found at"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, blank=True, default="")

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        constraints = [
            models.UniqueConstraint(fields=["customer", "other", "reason"], name="encore_duplicate_once"),
            # One order of the pair, else the same suspicion would be listed twice.
            models.CheckConstraint(
                condition=models.Q(customer__lt=models.F("other")), name="encore_duplicate_lower_id_first"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.customer_id} / #{self.other_id}: {self.reason}"
