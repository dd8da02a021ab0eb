"""The doors that only a demo has: a clock to move, and signing in without a password."""

import pytest
from django.urls import reverse

from backstage.models import ClockOffset

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["demo_clock", "demo_sign_in"])
def test_outside_a_demo_there_is_no_clock_to_move_and_no_door_without_a_password(client, name, settings):
    settings.ENCORE = {**settings.ENCORE, "DEMO_CLOCK": False}

    answer = client.post(reverse(name), {"by": "day", "as": "owner"})

    assert answer.status_code == 404
    assert not ClockOffset.objects.exists()


def test_looking_moves_no_clock(client, settings):
    settings.ENCORE = {**settings.ENCORE, "DEMO_CLOCK": True}

    answer = client.get(reverse("demo_clock"), {"by": "day"})

    assert answer.status_code == 405
    assert not ClockOffset.objects.exists()
