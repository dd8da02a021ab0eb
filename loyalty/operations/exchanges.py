"""Members exchange points for those of an outside programme: held at once, spent when it accepts."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from backstage import clock
from backstage.policies import SHOP, By
from loyalty import conf
from loyalty.ledger import moves
from loyalty.locks import lock_transfers
from loyalty.models import Member, OutsideAccount, OutsideProgramme, OutsideRate, Transfer
from loyalty.operations.spending import check_may_spend
from loyalty.policies.errors import KeyReused
from loyalty.policies.outside import REFERENCE, Direction, TransferState, check_account, exchange
from loyalty.queries.partners import running_at

REASON, VOID_REASON = "exchange", "exchange_back"


class AccountTaken(ValueError):
    """Another member has told this account number before."""

    def __init__(self) -> None:
        super().__init__("Another member has this account. Only one can exchange with it.")


class CannotExchange(ValueError):
    """There is no account or no rate to exchange by."""

    def __init__(self, *, outside_id: int, lacks: str) -> None:
        self.outside_id, self.lacks = outside_id, lacks
        super().__init__(f"Outside programme {outside_id} takes nothing now: there is no {lacks}.")


class TooLateToCallOff(ValueError):
    """A transfer that has been sent is for the outside programme to decide."""

    def __init__(self, *, state: str) -> None:
        self.state = state
        super().__init__(f"This transfer is {state} already.")


def link_account(
    *, member_id: int, outside_id: int, text: str, at: datetime | None = None, by: By = SHOP
) -> OutsideAccount:
    """Note a member's account number with an outside programme; another number ends the one before.

    Replay: the same number again changes nothing. Raises: AccountRefused, and nothing of what was typed is
    kept; AccountTaken.
    """
    at = clock.now() if at is None else at
    outside = OutsideProgramme.objects.get(id=outside_id)
    number = check_account(text, pattern=outside.account_pattern, has_check_digit=outside.has_check_digit)
    with transaction.atomic():
        open_rows = OutsideAccount.objects.filter(outside_id=outside_id, ended_at__isnull=True)
        standing = open_rows.filter(member_id=member_id).first()
        if standing is not None and standing.number == number:
            return standing
        # Whoever was merged into this member told it for the same person.
        open_rows.filter(number=number, member__merged_into_id=member_id).update(ended_at=at)
        if open_rows.filter(number=number).exclude(member_id=member_id).exists():
            raise AccountTaken
        open_rows.filter(member_id=member_id).update(ended_at=at)
        try:
            with transaction.atomic():
                return OutsideAccount.objects.create(
                    outside_id=outside_id, member_id=member_id, number=number, created_at=at
                )
        except IntegrityError:  # somebody was faster with this number
            raise AccountTaken from None


def exchange_points(
    *, member_id: int, outside_id: int, points: int, key: str, at: datetime | None = None, by: By = SHOP
) -> Transfer:
    """Hold points for an exchange, available → held, until the outside programme has answered.

    Replay: the same key and points answer with the transfer that stands. Locks: the account.
    Raises: CannotExchange, NotWholeSteps, CannotSpend, NotEnoughPoints, KeyReused; nothing is held then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        standing = Transfer.objects.filter(member_id=member_id, key=key).first()
        if standing is not None:
            if (standing.outside_id, standing.points) != (outside_id, points):
                raise KeyReused(key=key, member_id=member_id)
            return standing
        account, rate = _find_way(member_id, outside_id, at)
        units = exchange(points, step=rate.points, gives=rate.units)
        check_may_spend(member_id=member_id, key=f"exchange:{key}", at=at)
        until = at + timedelta(days=conf.TRANSFER_HOLD_DAYS.get())
        held = moves.hold(
            member_id=member_id,
            points=points,
            key=f"exchange:{key}",
            expires_at=until,
            reference=f"{REFERENCE}{account.outside.key}",
            reason=REASON,
            explanation={"outside": outside_id, "rate": rate.id, "points": points, "units": units},
            at=at,
            by=by,
        )
        transfer, _made = Transfer.objects.get_or_create(
            hold_id=held.entry_id,
            defaults={
                "outside_id": outside_id,
                "member_id": member_id,
                "account": account,
                "rate": rate,
                "key": key,
                "points": points,
                "units": units,
                "asked_at": at,
                "held_until_at": until,
            },
        )
    return transfer


def call_off(*, transfer_id: int, member_id: int, at: datetime | None = None, by: By = SHOP) -> Transfer:
    """Call a transfer off that has not been sent, held → available.

    Replay: what is called off stays so. Locks: the transfer, then the account. Raises: TooLateToCallOff,
    Transfer.DoesNotExist.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        transfer = lock_transfers([transfer_id]).get(transfer_id)
        if transfer is None or transfer.member_id != member_id:
            raise Transfer.DoesNotExist(f"Member {member_id} has no transfer {transfer_id}.")
        if transfer.state == TransferState.CALLED_OFF:
            return transfer
        if transfer.state != TransferState.WAITING:
            raise TooLateToCallOff(state=transfer.get_state_display())
        if moves.list_open_holds(holds={transfer.hold_id: member_id}, at=at):
            moves.void(
                member_id=member_id,
                hold_id=transfer.hold_id,
                key=f"transfer:{transfer.id}",
                reason=VOID_REASON,
                at=at,
                by=by,
            )
        transfer.state, transfer.answered_at = TransferState.CALLED_OFF.value, at
        transfer.save(update_fields=["state", "answered_at"])
    return transfer


def _find_way(member_id: int, outside_id: int, at: datetime) -> tuple[OutsideAccount, OutsideRate]:
    programme_id = Member.objects.values_list("programme_id", flat=True).get(id=member_id)
    accounts = OutsideAccount.objects.filter(
        outside_id=outside_id,
        outside__programme_id=programme_id,
        member_id=member_id,
        ended_at__isnull=True,
    )
    account = accounts.select_related("outside").first()
    if account is None:
        raise CannotExchange(outside_id=outside_id, lacks="account")
    rates = OutsideRate.objects.filter(running_at(at), outside_id=outside_id, direction=Direction.OUT.value)
    rate = rates.first()
    if rate is None:
        raise CannotExchange(outside_id=outside_id, lacks="rate")
    return account, rate
