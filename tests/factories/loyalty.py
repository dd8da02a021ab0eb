"""Programmes, members and awards for tests. Points come from the ledger alone: see `tests/loyalty/ledger`.

The rows of the ledger (accounts' counters, lots, entries, movements, holds) have no factory on purpose. A row
that no posting wrote would be a book that cannot be, and a test that stands on it proves nothing.
"""

from datetime import UTC, datetime

import factory

from commerce.models import Customer
from loyalty.models import (
    Award,
    EarningRule,
    ExchangeRate,
    Invitation,
    InvitationGuest,
    InvitationList,
    LotTerms,
    Member,
    Plan,
    PlanVersion,
    PointsAccount,
    ProductGroup,
    Programme,
    ProgrammePhase,
    TermsVersion,
    Tier,
    TierScheme,
)
from loyalty.policies.programme import ProgrammeState

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class ProgrammeFactory(factory.django.DjangoModelFactory):
    """A live programme in euros, on UTC; `complete=True` brings its phase, earning rule and lot terms.

    Its rules may change at once; a test about announcements says `notice_days`.
    """

    class Meta:
        model = Programme
        skip_postgeneration_save = True

    class Params:
        paused = factory.Trait(state=ProgrammeState.PAUSED.value)
        draft = factory.Trait(state=ProgrammeState.DRAFT.value)
        in_berlin = factory.Trait(time_zone="Europe/Berlin")

    key = factory.Sequence(lambda number: f"club-{number}")
    name = "Club"
    state = ProgrammeState.LIVE.value
    currency = "EUR"
    time_zone = "UTC"
    notice_days = 0
    created_at = LONG_AGO

    @factory.post_generation
    def complete(self, create: bool, wanted: bool | None, **_: object) -> None:
        if create and wanted:
            ProgrammePhaseFactory(programme=self, state=self.state)
            EarningRuleFactory(programme=self)
            LotTermsFactory(programme=self)


class ProgrammePhaseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ProgrammePhase

    programme = factory.SubFactory(ProgrammeFactory)
    state = ProgrammeState.LIVE.value
    starts_at = LONG_AGO


class EarningRuleFactory(factory.django.DjangoModelFactory):
    """10 points for every 1.00, rounded down."""

    class Meta:
        model = EarningRule

    programme = factory.SubFactory(ProgrammeFactory)
    version = factory.Sequence(lambda number: number + 1)
    points = 10
    per_minor = 100
    starts_at = LONG_AGO


class ProductGroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ProductGroup

    programme = factory.SubFactory(ProgrammeFactory)
    name = "Shoes"


class LotTermsFactory(factory.django.DjangoModelFactory):
    """14 days to return from the order on, then 12 months to the end of the month."""

    class Meta:
        model = LotTerms

    class Params:
        from_delivery = factory.Trait(clock="delivery")
        by_inactivity = factory.Trait(expiry_kind="inactivity")
        never_ending = factory.Trait(expiry_kind="never")

    programme = factory.SubFactory(ProgrammeFactory)
    version = factory.Sequence(lambda number: number + 1)
    window_days = 14
    starts_at = LONG_AGO


class ExchangeRateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ExchangeRate

    programme = factory.SubFactory(ProgrammeFactory)
    currency = "GBP"
    rate = "1.2"
    starts_at = LONG_AGO


class TermsVersionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TermsVersion

    programme = factory.SubFactory(ProgrammeFactory)
    number = factory.Sequence(lambda number: number + 1)
    text = "Points are worth something."
    starts_at = LONG_AGO


class BareCustomerFactory(factory.django.DjangoModelFactory):
    """A customer nobody knows anything about: all that the ledger needs of one."""

    class Meta:
        model = Customer

    created_at = LONG_AGO


class MemberFactory(factory.django.DjangoModelFactory):
    """A member with an empty account."""

    class Meta:
        model = Member
        skip_postgeneration_save = True

    programme = factory.SubFactory(ProgrammeFactory)
    customer = factory.SubFactory(BareCustomerFactory)
    number = factory.Sequence(lambda number: f"{900000000 + number}")
    joined_at = LONG_AGO
    account = factory.RelatedFactory(
        "tests.factories.loyalty.PointsAccountFactory", factory_related_name="member"
    )


class PointsAccountFactory(factory.django.DjangoModelFactory):
    """An account without a point; only postings fill it."""

    class Meta:
        model = PointsAccount

    member = factory.SubFactory(MemberFactory, account=None)


class AwardFactory(factory.django.DjangoModelFactory):
    """An award that has earned nothing. Give it a purchase."""

    class Meta:
        model = Award

    programme = factory.SubFactory(ProgrammeFactory)
    member = None


class InvitationListFactory(factory.django.DjangoModelFactory):
    """A list that is switched on, of a segment that nobody looks up; `draft=True` is none yet."""

    class Meta:
        model = InvitationList

    class Params:
        draft = factory.Trait(state="draft", begun_at=None)

    programme = factory.SubFactory(ProgrammeFactory)
    name = "The best"
    segment_id = 0
    conditions = {"conditions": [{"condition": "tag", "with": {"any_of": ["best"]}}]}
    state = "on"
    begun_at = LONG_AGO
    created_at = LONG_AGO


class InvitationFactory(factory.django.DjangoModelFactory):
    """An invitation that waits; `sent=True` is open for a hundred years."""

    class Meta:
        model = Invitation

    class Params:
        sent = factory.Trait(sent_at=LONG_AGO, expires_at=LONG_AGO.replace(year=2120))

    invitation_list = factory.SubFactory(InvitationListFactory)
    customer = factory.SubFactory(BareCustomerFactory)
    created_at = LONG_AGO


class InvitationGuestFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = InvitationGuest

    invitation = factory.SubFactory(InvitationFactory, sent=True, guests=1, guests_joined=1)
    member = factory.SubFactory(MemberFactory)
    joined_at = LONG_AGO


class TierSchemeFactory(factory.django.DjangoModelFactory):
    """Levels by money spent in the last 12 months, switched on long ago; `draft` is not switched on yet."""

    class Meta:
        model = TierScheme

    class Params:
        draft = factory.Trait(starts_at=None)

    programme = factory.SubFactory(ProgrammeFactory)
    number = factory.Sequence(lambda number: number + 1)
    starts_at = LONG_AGO
    created_at = LONG_AGO


class TierFactory(factory.django.DjangoModelFactory):
    """One level, Gold from 1,000.00 on; its first row unless `level_id` says otherwise."""

    class Meta:
        model = Tier

    scheme = factory.SubFactory(TierSchemeFactory)
    level_id = factory.Sequence(lambda number: number + 1)
    name = "Gold"
    threshold = 100_000


class PlanFactory(factory.django.DjangoModelFactory):
    """A plan that is on sale, so far without a version."""

    class Meta:
        model = Plan

    class Params:
        draft = factory.Trait(state="draft")

    programme = factory.SubFactory(ProgrammeFactory)
    name = factory.Sequence(lambda number: f"Plus {number}")
    state = "on"
    created_at = LONG_AGO


class PlanVersionFactory(factory.django.DjangoModelFactory):
    """29.00 for a year of twice the points."""

    class Meta:
        model = PlanVersion

    plan = factory.SubFactory(PlanFactory)
    number = 1
    price_minor = 2900
    factor = 2
    starts_at = LONG_AGO
