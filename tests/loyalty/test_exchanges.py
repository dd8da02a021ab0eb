"""Members exchange points with an outside programme: held, sent in one file a day, spent when it accepts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from loyalty.models import (
    Entry,
    Hold,
    IncomingTransfer,
    OutsideAccount,
    OutsideProgramme,
    OutsideRate,
    ReceivedRow,
    Transfer,
    TransferFile,
)
from loyalty.operations import answers as answers_module
from loyalty.operations import transfer_files as files_module
from loyalty.operations.adjustments import give_points
from loyalty.operations.exchanges import (
    AccountTaken,
    CannotExchange,
    TooLateToCallOff,
    call_off,
    exchange_points,
    link_account,
)
from loyalty.operations.members import leave, pause
from loyalty.operations.outside import (
    OutsideEnded,
    end_outside,
    open_outside,
    set_outside_rate,
    stop_outside_rate,
)
from loyalty.operations.received_files import receive_file, take_in_file
from loyalty.operations.spending import CannotSpend
from loyalty.operations.transfer_files import make_transfer_file
from loyalty.policies.errors import KeyReused, NotEnoughPoints, WriteConflict
from loyalty.policies.outside import AccountRefused, Direction, FileKind, FileUnreadable, NotWholeSteps
from loyalty.queries import get_balance
from loyalty.queries.history import list_history
from loyalty.queries.outside import count_rows, write_file
from loyalty.queries.why import why
from tests.loyalty.shop import NOON, OPENED, customer, day, join, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return open_shop()


@pytest.fixture
def miles(programme) -> OutsideProgramme:
    """500 points for 200 miles, and 100 miles for 30 points."""
    outside = open_outside(
        programme_id=programme.id,
        key="miles",
        name="Fjord Air",
        unit="miles",
        account_pattern="FA######",
        at=OPENED,
    )
    set_outside_rate(outside_id=outside.id, direction=Direction.OUT, points=500, units=200, at=OPENED)
    set_outside_rate(outside_id=outside.id, direction=Direction.IN, points=30, units=100, at=OPENED)
    return outside


@pytest.fixture
def alice(programme, miles):
    return traveller("alice", programme, miles, "FA 123-456")


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(100))
    yield
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def traveller(name, programme, miles, account, points=2_000):
    member = join(name, programme)
    give_points(member_id=member.id, points=points, key="gift", reason="goodwill", at=day(-1), by=SHOP)
    link_account(member_id=member.id, outside_id=miles.id, text=account, at=day(-1))
    return member


def ask(member, miles, points=1_000, key="1", at=NOON):
    return exchange_points(member_id=member.id, outside_id=miles.id, points=points, key=key, at=at)


def send(miles, at=NOON):
    return make_transfer_file(outside_id=miles.id, at=at)


def receive(miles, *lines, kind=FileKind.ANSWERS, at=None, **more):
    """Receive a file of these lines, and let the job work it."""
    head = "reference,answer,reason" if kind is FileKind.ANSWERS else "reference,account,units"
    at = at or day(2)
    content = "\n".join([head, *lines]).encode()
    file = receive_file(
        outside_id=miles.id, kind=kind, name="file.csv", content=content, at=at, by=SHOP, **more
    )
    run_job(name="read_transfer_files", at=at)
    return file


def rows(file) -> list[str]:
    found = ReceivedRow.objects.filter(file=file).order_by("line")
    return [row.fault or row.state for row in found]


def name(transfer) -> str:
    return f"T{transfer.id:08d}"


def held(member, at=NOON):
    balance = get_balance(member_id=member.id, at=at)
    return balance.available, balance.held


# -- asked for -----------------------------------------------------------------------------------------------


def test_points_are_held_at_once_and_the_rate_is_exact(alice, miles):
    transfer = ask(alice, miles)

    assert (transfer.state, transfer.units, held(alice)) == ("waiting", 400, (1_000, 1_000))
    assert get_balance(member_id=alice.id, at=NOON).exchanging == 1_000
    (row, *_) = list_history(member_id=alice.id, at=NOON).rows
    assert (row.sentence, row.change) == ("Points on their way to another programme", -1_000)
    assert why(entry_id=transfer.hold_id, member_id=alice.id).steps == (
        "500\N{NO-BREAK SPACE}points make 200 miles with Fjord Air; 1,000 make 400.",
        "Points that end first are used first.",
    )


def test_what_is_no_whole_number_of_steps_is_refused_with_the_nearest_that_are(alice, miles):
    with pytest.raises(NotWholeSteps) as refusal:
        ask(alice, miles, 1_200)

    assert (refusal.value.below, refusal.value.above) == (1_000, 1_500)
    assert held(alice) == (2_000, 0)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda member, miles: pause(member_id=member.id, at=day(-0.5)), CannotSpend),
        (
            lambda member, miles: stop_outside_rate(
                outside_id=miles.id, direction=Direction.OUT, at=day(-0.5)
            ),
            CannotExchange,
        ),
        (lambda member, miles: end_outside(outside_id=miles.id, at=day(-0.5)), CannotExchange),
        (lambda member, miles: OutsideAccount.objects.update(ended_at=day(-0.5)), CannotExchange),
    ],
)
def test_what_cannot_be_exchanged_now_is_refused_and_nothing_is_held(alice, miles, prepare, error):
    prepare(alice, miles)

    with pytest.raises(error):
        ask(alice, miles)

    assert held(alice) == (2_000, 0)


def test_more_than_is_there_is_refused_with_both_numbers(alice, miles):
    with pytest.raises(NotEnoughPoints) as refusal:
        ask(alice, miles, 2_500)

    assert (refusal.value.asked_points, refusal.value.available_points) == (2_500, 2_000)
    assert not Transfer.objects.exists()


def test_a_double_click_is_one_transfer_and_the_same_key_for_more_is_refused(alice, miles):
    assert ask(alice, miles).id == ask(alice, miles).id
    with pytest.raises(KeyReused):
        ask(alice, miles, 500)

    assert (Transfer.objects.count(), held(alice)) == (1, (1_000, 1_000))


def test_a_new_rate_is_for_what_is_asked_from_then_on(alice, miles):
    first = ask(alice, miles, 500)
    set_outside_rate(outside_id=miles.id, direction=Direction.OUT, points=250, units=50, at=day(0))
    second = ask(alice, miles, 500, "2", at=day(0.1))

    assert (first.units, second.units) == (200, 100)
    assert list(OutsideRate.objects.filter(direction="out").values_list("points", flat=True)) == [500, 250]


def test_what_has_not_been_sent_can_be_called_off(alice, miles):
    transfer, sent = ask(alice, miles), ask(alice, miles, 500, "2")
    for _ in range(2):
        assert call_off(transfer_id=transfer.id, member_id=alice.id, at=day(0)).state == "called_off"
    assert held(alice, day(0)) == (1_500, 500)

    send(miles)
    with pytest.raises(TooLateToCallOff):
        call_off(transfer_id=sent.id, member_id=alice.id, at=day(1))
    with pytest.raises(Transfer.DoesNotExist):
        call_off(transfer_id=sent.id, member_id=alice.id + 1, at=day(1))


# -- accounts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern", "check", "fault"),
    [
        ("FA12345", "FA######", False, "pattern"),
        ("XX123456", "FA######", False, "pattern"),
        ("12345678", "########", True, "check_digit"),
        ("4111 1111 1111 1111", "################", False, "payment_card"),
        ("5500-0000-0000-0004", "????????????????, ################", True, "payment_card"),
    ],
)
def test_what_is_no_account_is_refused_and_nothing_of_it_is_kept(programme, text, pattern, check, fault):
    outside = open_outside(
        programme_id=programme.id,
        key="bank",
        name="Bank",
        unit="points",
        account_pattern=pattern,
        has_check_digit=check,
        at=OPENED,
    )

    with pytest.raises(AccountRefused) as refusal:
        link_account(member_id=join("alice", programme).id, outside_id=outside.id, text=text, at=NOON)

    assert (refusal.value.fault, text in str(refusal.value)) == (fault, False)
    assert not OutsideAccount.objects.exists()


def test_a_long_number_that_passes_the_formula_is_an_account_where_it_begins_as_no_banks_does(programme):
    outside = open_outside(
        programme_id=programme.id,
        key="air",
        name="Air",
        unit="miles",
        account_pattern="9##############",
        has_check_digit=True,
        at=OPENED,
    )
    alice = join("alice", programme)

    linked = link_account(member_id=alice.id, outside_id=outside.id, text="992 0000 0000 0000", at=NOON)

    assert (linked.number, str(linked)) == ("992000000000000", "•••0000")


def test_an_account_is_one_members_and_another_number_ends_the_one_before(programme, alice, miles):
    bob = join("bob", programme)
    with pytest.raises(AccountTaken):
        link_account(member_id=bob.id, outside_id=miles.id, text="fa123456", at=NOON)

    again = link_account(member_id=alice.id, outside_id=miles.id, text="FA123456", at=NOON)
    link_account(member_id=alice.id, outside_id=miles.id, text="FA654321", at=day(1))

    again.refresh_from_db()
    assert again.ended_at == day(1)
    assert (
        link_account(member_id=bob.id, outside_id=miles.id, text="FA123456", at=day(2)).number == "FA123456"
    )


@pytest.mark.parametrize("pattern", ["", "(a+)+", "#" * 41, "##,"])
def test_a_pattern_that_is_none_is_refused(programme, pattern):
    with pytest.raises(ValidationError) as refusal:
        open_outside(
            programme_id=programme.id, key="x", name="X", unit="miles", account_pattern=pattern, at=OPENED
        )

    assert list(refusal.value.message_dict) == ["account_pattern"]


def test_what_has_ended_takes_no_rate(miles):
    end_outside(outside_id=miles.id, at=NOON)

    with pytest.raises(OutsideEnded):
        set_outside_rate(outside_id=miles.id, direction=Direction.OUT, points=1, units=1, at=day(1))


# -- one file a day ------------------------------------------------------------------------------------------


def test_a_day_has_one_file_whose_bytes_stay_the_same(alice, miles):
    first, second = ask(alice, miles), ask(alice, miles, 500, "2")
    file = send(miles)
    later = ask(alice, miles, 500, "3", at=day(0.01))

    assert send(miles, day(0.02)) == file
    assert write_file(file).decode().splitlines() == [
        "reference,account,units,asked_on",
        f"{name(first)},FA123456,400,2026-03-03",
        f"{name(second)},FA123456,200,2026-03-03",
    ]
    before = write_file(file)
    receive(miles, f"{name(first)},accepted,")
    assert write_file(file) == before
    assert send(miles, day(1)).transfers.get() == later
    assert (file.rows, file.points, file.units) == (2, 1_500, 600)


def test_where_nothing_waits_there_is_no_file(miles):
    assert send(miles) is None
    run_job(name="make_transfer_files", at=NOON)
    assert not TransferFile.objects.exists()


def test_what_waited_until_its_reservation_timed_out_is_called_off(alice, miles, settings):
    settings.ENCORE = {**settings.ENCORE, "TRANSFER_HOLD_DAYS": 3}
    transfer = ask(alice, miles)

    assert send(miles, day(4)) is None
    transfer.refresh_from_db()
    assert (transfer.state, held(alice, day(4))) == ("called_off", (2_000, 0))


def test_what_waits_for_somebody_who_has_left_is_called_off_and_not_sent(alice, miles):
    transfer = ask(alice, miles)
    leave(member_id=alice.id, at=day(1))
    run_job(name="forfeit_left_members", at=day(20))

    assert send(miles, day(20)) is None
    transfer.refresh_from_db()
    assert (transfer.state, held(alice, day(20))) == ("called_off", (0, 0))


# -- answers -------------------------------------------------------------------------------------------------


def test_accepted_points_are_spent_and_refused_ones_come_back(programme, alice, miles):
    kept, back = ask(alice, miles), ask(alice, miles, 500, "2")
    send(miles)

    file = receive(miles, f"{name(kept)},accepted,", f"{name(back)},refused,Account closed")

    assert rows(file) == ["taken", "taken"]
    assert held(alice, day(3)) == (1_000, 0)
    back.refresh_from_db()
    assert (back.state, back.reason, back.answered_at) == ("refused", "Account closed", day(2))
    told = [row.sentence for row in list_history(member_id=alice.id, at=day(3)).rows]
    assert told[:3] == [
        "An exchange did not come about, so its points came back",
        "Points on their way to another programme",
        "Points exchanged with another programme",
    ]


def test_an_answer_told_again_is_known_and_another_answer_is_a_fault(alice, miles):
    transfer = ask(alice, miles)
    send(miles)
    receive(miles, f"{name(transfer)},accepted,")

    assert rows(receive(miles, f"{name(transfer)},accepted,again")) == ["known"]
    assert rows(receive(miles, f"{name(transfer)},refused,")) == ["other_answer"]
    assert held(alice, day(3)) == (1_000, 0)


def test_what_is_refused_after_the_time_ran_out_was_given_back_already(alice, miles):
    transfer = ask(alice, miles)
    send(miles)

    file = receive(miles, f"{name(transfer)},refused,late", at=day(40))

    transfer.refresh_from_db()
    assert (rows(file), transfer.state, held(alice, day(40))) == (["taken"], "refused", (2_000, 0))
    assert set(Hold.objects.values_list("state", flat=True)) <= {"open", "voided"}


def test_what_is_accepted_after_the_time_ran_out_is_taken_again(alice, miles):
    transfer = ask(alice, miles)
    send(miles)

    receive(miles, f"{name(transfer)},accepted,", at=day(40))

    transfer.refresh_from_db()
    assert (transfer.state, held(alice, day(40))) == ("accepted", (1_000, 0))


def test_what_is_accepted_after_the_points_are_gone_is_reported(alice, miles):
    transfer = ask(alice, miles, 2_000)
    send(miles)
    second = ask(alice, miles, 1_500, "2", at=day(35))

    receive(miles, f"{name(transfer)},accepted,", at=day(40))

    transfer.refresh_from_db()
    assert (transfer.state, held(alice, day(40))) == ("reported", (500, 1_500))
    assert second.state == "waiting"


def test_whoever_left_meanwhile_has_nothing_to_take_and_it_is_reported(alice, miles):
    transfer = ask(alice, miles)
    send(miles)
    leave(member_id=alice.id, at=day(1))
    run_job(name="forfeit_left_members", at=day(20))

    receive(miles, f"{name(transfer)},accepted,", at=day(21))

    transfer.refresh_from_db()
    assert transfer.state == "reported"


def test_rows_that_answer_nothing_are_left_with_their_fault(alice, miles):
    waiting = ask(alice, miles)
    sent = ask(alice, miles, 500, "2")
    call_off(transfer_id=waiting.id, member_id=alice.id, at=NOON)
    send(miles)

    file = receive(
        miles,
        f"{name(waiting)},accepted,",
        "T99999999,accepted,",
        "nonsense,accepted,",
        f"{name(sent)},perhaps,",
        f"{name(sent)},accepted,",
        f"{name(sent)},accepted,",
    )

    assert rows(file) == [
        "not_sent",
        "unknown_reference",
        "unreadable",
        "unreadable",
        "taken",
        "twice_in_file",
    ]
    tally = count_rows([file.id])[file.id]
    assert (tally.rows, tally.waiting, tally.taken, tally.known, tally.faulty) == (6, 0, 1, 0, 5)


def test_a_dry_run_says_what_would_become_of_each_row_and_changes_nothing(alice, miles):
    transfer = ask(alice, miles)
    send(miles)
    before = Entry.objects.count()

    file = receive(miles, f"{name(transfer)},accepted,", "T99999999,refused,", is_dry_run=True)

    assert rows(file) == ["taken", "unknown_reference"]
    transfer.refresh_from_db()
    assert (transfer.state, Entry.objects.count(), held(alice, day(3))) == ("sent", before, (1_000, 1_000))

    take_in_file(file_id=file.id, at=day(3))
    run_job(name="read_transfer_files", at=day(3))
    transfer.refresh_from_db()
    assert (transfer.state, rows(file)) == ("accepted", ["taken", "unknown_reference"])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a,b\n1,2\n"])
def test_a_file_of_which_nothing_can_be_read_is_refused(miles, content):
    with pytest.raises(FileUnreadable):
        receive_file(outside_id=miles.id, kind=FileKind.ANSWERS, name="x", content=content, at=NOON, by=SHOP)

    assert not ReceivedRow.objects.exists()


# -- coming in -----------------------------------------------------------------------------------------------


def test_units_that_come_in_are_points_once_for_each_reference(programme, alice, miles):
    file = receive(miles, "A-1,FA123456,1000", "A-2,fa 123456,100", kind=FileKind.INCOMING)
    again = receive(miles, "A-1,FA123456,1000", "A-2,FA123456,200", kind=FileKind.INCOMING)

    assert (rows(file), rows(again)) == (["taken", "taken"], ["known", "other_content"])
    assert held(alice, day(3)) == (2_330, 0)
    entry = Entry.objects.get(key=IncomingTransfer.objects.get(reference="A-1").entry_key)
    told = why(entry_id=entry.id, member_id=alice.id)
    assert told.sentence == "Points from another programme came here"
    assert told.steps[0] == "1,000 miles with Fjord Air make 300\N{NO-BREAK SPACE}points."


def test_the_same_bytes_are_one_file(miles, alice):
    first = receive(miles, "A-1,FA123456,1000", kind=FileKind.INCOMING)

    assert receive(miles, "A-1,FA123456,1000", kind=FileKind.INCOMING) == first
    assert held(alice, day(3)) == (2_300, 0)


def test_rows_that_bring_nothing_are_left_with_their_fault(programme, alice, miles):
    bob = traveller("bob", programme, miles, "FA000001")
    pause(member_id=bob.id, at=day(1))

    file = receive(
        miles,
        "A-1,FA999999,100",
        "A-2,FA000001,100",
        "A-3,FA123456,150",
        "A-4,FA123456,0",
        "A-5,,100",
        "A-6,FA123456,100",
        "A-6,FA123456,100",
        kind=FileKind.INCOMING,
    )
    stop_outside_rate(outside_id=miles.id, direction=Direction.IN, at=day(2))

    assert rows(file) == [
        "unknown_account",
        "not_active",
        "not_whole_steps",
        "unreadable",
        "unreadable",
        "taken",
        "twice_in_file",
    ]
    assert rows(receive(miles, "A-7,FA123456,100", kind=FileKind.INCOMING)) == ["no_rate"]
    assert held(alice, day(3)) == (2_030, 0)


def test_points_of_a_merged_account_come_to_whoever_it_is_now(programme, alice, miles):
    bob = traveller("bob", programme, miles, "FA000001", points=10)
    merge_customers(source=customer("bob").id, target=customer("alice").id, by=SHOP, at=day(1))

    receive(miles, "A-1,FA000001,1000", kind=FileKind.INCOMING)

    assert held(alice, day(3)) == (2_310, 0)
    assert link_account(member_id=alice.id, outside_id=miles.id, text="FA000001", at=day(3)).member == alice
    assert bob.id != alice.id


def test_many_rows_take_as_many_statements_as_one(programme, alice, miles, django_assert_max_num_queries):
    for number in range(20):
        traveller(f"m{number}", programme, miles, f"FA1000{number:02}", points=1)
    lines = [f"B-{number},FA1000{number:02},100" for number in range(20)]

    with django_assert_max_num_queries(45):
        receive(miles, *lines, kind=FileKind.INCOMING)

    assert IncomingTransfer.objects.count() == 20


# -- together ------------------------------------------------------------------------------------------------


def at_once(*deeds):
    barrier = Barrier(len(deeds))

    def one(deed):
        try:
            barrier.wait(30)
            deed()
            return "done"
        except IntegrityError:
            return "refused by the database"
        except WriteConflict:
            return "refused by the writer"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return sorted(pool.map(one, deeds))


@pytest.mark.django_db(transaction=True)
def test_a_days_file_that_two_make_at_once_is_one(alice, miles):
    ask(alice, miles)

    assert at_once(*[lambda: send(miles)] * 2) == ["done", "done"]
    assert TransferFile.objects.get().rows == 1


def take(file, answer):
    """Take one answer in as the job would, from a row of its own."""
    row = ReceivedRow.objects.get(file=file)
    with transaction.atomic():
        answers_module.take_answers(file=file, rows=[row], at=day(2), by=SHOP)
    return row.state


def answered(miles, transfer, *reasons):
    return [
        receive_file(
            outside_id=miles.id,
            kind=FileKind.ANSWERS,
            name="f",
            content=f"reference,answer,reason\n{name(transfer)},accepted,{reason}".encode(),
            at=day(2),
            by=SHOP,
        )
        for reason in reasons
    ]


@pytest.mark.django_db(transaction=True)
def test_one_answer_that_two_files_tell_at_once_counts_once(alice, miles):
    transfer = ask(alice, miles)
    send(miles)
    files = answered(miles, transfer, "a", "b")

    assert at_once(*[lambda file=file: take(file, "a") for file in files]) == ["done", "done"]
    assert held(alice, day(3)) == (1_000, 0)


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_database_refuses_the_second_file(alice, miles, monkeypatch):
        ask(alice, miles)
        looked, store = Barrier(2), files_module._store
        monkeypatch.setattr(
            files_module, "lock_outside", lambda outside_id: OutsideProgramme.objects.get(id=outside_id)
        )

        def store_together(*args):
            looked.wait(30)
            return store(*args)

        monkeypatch.setattr(files_module, "_store", store_together)

        assert at_once(*[lambda: send(miles)] * 2) == ["done", "refused by the database"]

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_writer_refuses_the_second_answer(alice, miles, monkeypatch):
        transfer = ask(alice, miles)
        send(miles)
        files = answered(miles, transfer, "a", "b")
        looked, close = Barrier(2), answers_module._close
        monkeypatch.setattr(answers_module, "lock_transfers", lambda ids: Transfer.objects.in_bulk(list(ids)))

        def close_together(*args):
            looked.wait(30)
            return close(*args)

        monkeypatch.setattr(answers_module, "_close", close_together)

        found = at_once(*[lambda file=file: take(file, "a") for file in files])

        assert found == ["done", "refused by the writer"]
        assert held(alice, day(3)) == (1_000, 0)


# -- the laws bite -------------------------------------------------------------------------------------------

PLANTS = {
    "ledger.transfer_is_held": lambda: Transfer.objects.update(points=1_500),
    "ledger.transfer_is_spent_once_accepted": lambda: Transfer.objects.filter(state="sent").update(
        state="accepted", answered_at=NOON
    ),
    "ledger.transfer_by_its_rate": lambda: Transfer.objects.update(units=401),
    "ledger.transfer_file_is_its_transfers": lambda: TransferFile.objects.update(units=401),
    "ledger.exchange_has_its_transfer": lambda: Transfer.objects.filter(state="sent").delete(),
    "ledger.incoming_has_its_entry": lambda: IncomingTransfer.objects.update(points=31),
    "ledger.incoming_entry_has_its_transfer": lambda: IncomingTransfer.objects.all().delete(),
}


@pytest.mark.parametrize("law", PLANTS)
def test_a_law_notices_what_was_planted(alice, miles, law):
    ask(alice, miles)
    send(miles)
    receive(miles, "A-1,FA123456,100", kind=FileKind.INCOMING)

    with transaction.atomic():
        PLANTS[law]()
        found = {answer.invariant for answer in check_ledger().answers if answer.findings}
        transaction.set_rollback(True)

    assert law in found


def test_points_wait_for_an_answer_as_long_as_the_setting_says(alice, miles, settings):
    settings.ENCORE = {**settings.ENCORE, "TRANSFER_HOLD_DAYS": 7}

    assert ask(alice, miles).held_until_at == NOON + timedelta(days=7)


def test_the_day_of_a_file_is_the_programmes_own(alice, miles):
    ask(alice, miles)

    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)  # the 4th has begun in Oslo
    assert send(miles, late).day_on.isoformat() == "2026-03-04"
