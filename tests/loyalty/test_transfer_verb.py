"""The verb `transfer` writes the day's file, and reads what comes back."""

import pytest

from loyalty.models import Transfer
from loyalty.operations.outside import open_outside, set_outside_rate
from loyalty.policies.outside import Direction
from tests.commerce.command import encore
from tests.loyalty.shop import NOON, OPENED, open_shop
from tests.loyalty.test_exchanges import ask, held, name, traveller


@pytest.fixture
def miles(db, clock):
    clock.move_to(NOON)
    outside = open_outside(
        programme_id=open_shop().id,
        key="miles",
        name="Fjord Air",
        unit="miles",
        account_pattern="FA######",
        at=OPENED,
    )
    for direction in Direction:
        set_outside_rate(outside_id=outside.id, direction=direction, points=500, units=200, at=OPENED)
    return outside


@pytest.fixture
def alice(miles):
    return traveller("alice", miles.programme, miles, "FA123456")


def test_a_days_file_goes_out_and_its_answers_come_in(miles, alice, tmp_path):
    transfer, out, back = ask(alice, miles), tmp_path / "out.csv", tmp_path / "back.csv"

    assert encore("transfer", "send", "miles", str(out)).code == 0
    first = out.read_bytes()
    assert encore("transfer", "send", "miles", str(out)).code == 0
    assert (out.read_bytes(), name(transfer) in first.decode()) == (first, True)

    back.write_text(f"reference,answer\n{name(transfer)},refused\nT99999999,accepted\n")
    dry = encore("transfer", "answers", "miles", str(back), "--dry-run")
    assert (dry.code, Transfer.objects.get().state) == (3, "sent")
    assert "Nothing was changed. Run it again without --dry-run." in dry.said
    told = encore("transfer", "answers", "miles", str(back), "--json")

    assert (told.code, held(alice)) == (3, (2_000, 0))
    assert '"faulty": 1' in told.said


def test_points_come_in_once_however_often_a_file_is_read(miles, alice, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text("reference;account;units\nA-1;FA123456;400\n")

    for _ in range(2):
        assert encore("transfer", "take", "miles", str(file)).code == 0

    assert held(alice) == (3_000, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("send", "mile", "x.csv"), 2, "Did you mean 'miles'?"),
        (("answers", "miles", "missing.csv"), 1, "No such file"),
    ],
)
def test_what_does_not_exist_is_said_with_the_way_out(miles, arguments, code, said):
    told = encore("transfer", *arguments)

    assert (told.code, said in told.complained) == (code, True)


def test_where_nothing_waits_there_is_no_file(miles, tmp_path):
    told = encore("transfer", "send", "miles", str(tmp_path / "out.csv"))

    assert (told.code, list(tmp_path.iterdir())) == (0, [])
