"""The calls that the page about invitations shows are the ones that work."""

import re
from pathlib import Path

import pytest

from loyalty.models import Member
from tests.loyalty.invitations import invite_only, send, spend, spenders
from tests.loyalty.shop import NOON, customer

PAGE = (Path(__file__).parents[2] / "docs/invitations.md").read_text()


@pytest.mark.django_db
def test_the_calls_of_the_page_invite_and_let_in_whom_they_say(clock):
    clock.move_to(NOON)
    programme, segment = invite_only(), spenders()
    spend("alice")
    joining, inviting = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    def run(code):
        told = {
            "programme_id=1": f"programme_id={programme.id}",
            '"segment_id": 12': f'"segment_id": {segment.pk}',
        }
        told["4711"] = str(customer("alice").id)
        for shown, real in told.items():
            code = code.replace(shown, real)
        names = {}
        exec(compile(code, "docs/invitations.md", "exec"), names)
        return names

    assert "is not. Invite them first." in run(joining)["reason"]

    run(inviting)
    send()

    assert run(joining)["enrolled"].is_new
    assert Member.objects.get().customer == customer("alice")
