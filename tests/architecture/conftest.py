"""The club whose points a witness follows."""

import pytest

from tests.factories.loyalty import ProgrammeFactory


@pytest.fixture
def programme(db):
    """A live club in euros, on UTC: 10 points for 1.00, 14 days to return, 12 months to use."""
    return ProgrammeFactory(complete=True)
