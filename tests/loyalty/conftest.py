"""The programme and the people that the tests of loyalty are about."""

import pytest
from django.contrib.auth import get_user_model

from tests.factories.loyalty import MemberFactory, ProgrammeFactory


@pytest.fixture
def programme(db):
    """A live club in euros, on UTC: 10 points for 1.00, 14 days to return, 12 months to use."""
    return ProgrammeFactory(complete=True)


@pytest.fixture
def alice(programme):
    """A member."""
    return MemberFactory(programme=programme, customer__name="alice")


@pytest.fixture
def bob(programme):
    """Another member, new."""
    return MemberFactory(programme=programme, customer__name="bob")


@pytest.fixture
def mallory(programme):
    """A member who asks for what is not hers."""
    return MemberFactory(programme=programme, customer__name="mallory")


@pytest.fixture
def carol(db):
    """Staff; no member of anything."""
    return get_user_model().objects.create_user("carol", "carol@example.com", "carol", is_staff=True)
