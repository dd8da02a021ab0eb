"""The demo shop's neighbours: a bakery and a train company in one club with it, and an airline with miles."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from backstage.operations.jobs import run_job
from backstage.policies import By
from commerce.models import Channel
from commerce.operations.channels import open_channel
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who
from config.demo.history import ZONE, Buyer
from loyalty.models import Member, OutsideProgramme, Programme, Transfer
from loyalty.operations.awards import settle_awards
from loyalty.operations.exchanges import exchange_points, link_account
from loyalty.operations.outside import open_outside, set_outside_rate
from loyalty.operations.partners import open_partner
from loyalty.operations.received_files import receive_file
from loyalty.operations.spending import reserve_points, spend_reserved
from loyalty.operations.transfer_files import make_transfer_file
from loyalty.policies.errors import NotEnoughPoints
from loyalty.policies.outside import Direction, FileKind
from loyalty.policies.outside_files import ACCEPTED, write_reference
from loyalty.queries import get_balance

# Key, name, what is bought there and for how much, what is agreed for 1,000 points. Units: minor units.
PARTNERS = (
    ("bakery", "Brød & Sønn", "Buns", 690, 520, 450),
    ("train", "Fjordtog", "Ticket", 2900, 500, 480),
)
STEP, MILES = 500, 200


def open_neighbours(programme: Programme, *, opened_at: datetime, by: By) -> None:
    """Take in partners and outside programme on the first day of the story."""
    first_day = opened_at.astimezone(ZONE).date()
    for key, name, _goods, _price, issued_minor, redeemed_minor in PARTNERS:
        channel = open_channel(
            key=key, name=name, kind="partner", time_zone=ZONE.key, currency="EUR", country="NO", at=opened_at
        )
        open_partner(
            programme_id=programme.id,
            key=key,
            name=name,
            starts_on=first_day,
            issued_minor=issued_minor,
            redeemed_minor=redeemed_minor,
            channel_ids=[channel.id],
            at=opened_at,
            by=by,
        )
    airline = open_outside(
        programme_id=programme.id,
        key="fjord-air",
        name="Fjord Air",
        unit="miles",
        account_pattern="FA######",
        at=opened_at,
        by=by,
    )
    for direction in Direction:
        set_outside_rate(
            outside_id=airline.id, direction=direction, points=STEP, units=MILES, at=opened_at, by=by
        )


def live_with_neighbours(buyers: Sequence[Buyer], on: date, at: datetime, by: By) -> None:
    """Let some of a day's members buy at the partners, and close the month when it is time."""
    orders = [
        _order(PARTNERS[number % len(PARTNERS)], buyer, on, at) for number, buyer in enumerate(buyers[:2])
    ]
    ids = [found.purchase_id for found in sync_purchases(orders, at=at, by=by)]
    settle_awards(purchase_ids=[one for one in ids if one is not None], at=at, by=by)
    if on.day == 4:
        run_job(name="close_partner_months", at=at + timedelta(hours=3))


def _order(partner: tuple[str, str, str, int, int, int], buyer: Buyer, on: date, at: datetime) -> Snapshot:
    key, _name, goods, price_minor, _issued, _redeemed = partner
    line = LineSnapshot(
        key="1",
        sku="",
        name=goods,
        quantity=1,
        sold_minor=price_minor,
        tax_minor=price_minor - round(price_minor / Decimal("1.15")),
    )
    return Snapshot(
        channel=key,
        reference=f"{on:%y%m%d}-{buyer.number}",
        as_of=at,
        who=Who(email=buyer.email, verified=frozenset({"email"})),
        currency="EUR",
        placed_at=at,
        paid_at=at,
        status="paid",
        lines=(line,),
        tenders=(TenderSnapshot(kind="money", amount_minor=price_minor),),
    )


def use_points_there(member: Member, *, key: str, points: int, at: datetime, by: By) -> None:
    """Let a member use points at the bakery, if they have as many."""
    bakery = Channel.objects.get(key=PARTNERS[0][0])
    try:
        with transaction.atomic():
            held = reserve_points(
                member_id=member.id,
                points=points,
                key=f"{key}:hold",
                expires_at=at + timedelta(hours=1),
                reference=key,
                channel_id=bakery.id,
                at=at,
                by=by,
            )
            spend_reserved(member_id=member.id, hold_id=held.entry_id, key=key, at=at, by=by)
    except NotEnoughPoints:
        return


def exchange_some(programme: Programme, member: Member, *, at: datetime, by: By) -> None:
    """Let a member exchange points twice: once the airline has accepted, once it waits for the next file."""
    airline = OutsideProgramme.objects.get(programme=programme, key="fjord-air").id
    link_account(member_id=member.id, outside_id=airline, text="FA 204-817", at=at, by=by)
    if get_balance(member_id=member.id, at=at).available < 2 * STEP:
        return
    done = _exchange(member, airline, "demo:miles:1", at, by)
    make_transfer_file(outside_id=airline, at=at, by=by)
    answer = f"reference,answer,reason\n{write_reference(done.id)},{ACCEPTED},\n".encode()
    receive_file(outside_id=airline, kind=FileKind.ANSWERS, name="answers.csv", content=answer, at=at, by=by)
    run_job(name="read_transfer_files", at=at)
    _exchange(member, airline, "demo:miles:2", at, by)


def _exchange(member: Member, outside_id: int, key: str, at: datetime, by: By) -> Transfer:
    return exchange_points(member_id=member.id, outside_id=outside_id, points=STEP, key=key, at=at, by=by)
