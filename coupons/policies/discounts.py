"""What one coupon takes off, to the cent: the amount for each line, never more than what is left of it.

Every kind takes less or the same where less is left to pay. `plans` relies on that: what a coupon takes off a
basket alone is the most that it takes off together with others.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backstage.policies.apportion import apportion_whole
from commerce.policies.basket import SHIPPING, BasketLine
from coupons.policies.kinds import CouponKind
from coupons.policies.terms import WHOLE, Terms

ByLine = dict[str, int]


@dataclass(frozen=True, slots=True)
class Run:
    """So many pieces of one line that cost the same. A basket of a billion pieces is two of them."""

    price_minor: int
    key: str
    pieces: int


def take_off(terms: Terms, lines: Sequence[BasketLine], left: Mapping[str, int]) -> ByLine:
    """Give what the terms take off these lines, of what is `left` to pay for each; only what is not zero."""
    if terms.kind is CouponKind.SHIPPING:
        off = {SHIPPING: left.get(SHIPPING, 0)}
    elif terms.kind is CouponKind.PRODUCT:
        off = _cheaper_pieces(terms, runs_of(lines, left))
    elif terms.kind is CouponKind.BUY_GET:
        off = _pieces_to_get(terms, lines, left)
    else:
        off = _share_or_amount(terms, {line.key: left[line.key] for line in lines})
    return _at_most(terms.most_minor, {key: amount for key, amount in off.items() if amount})


def share_of(amount_minor: int, share: int) -> int:
    """Give so many hundredths of a percent of an amount, half a cent rounded up."""
    return (amount_minor * share * 2 + WHOLE) // (WHOLE * 2)


def _share_or_amount(terms: Terms, left: Mapping[str, int]) -> ByLine:
    total = sum(left.values())
    if not total:
        return {}
    is_share = terms.kind is CouponKind.PERCENT
    return apportion_whole(share_of(total, terms.share) if is_share else min(terms.amount_minor, total), left)


def _at_most(most_minor: int | None, off: ByLine) -> ByLine:
    if most_minor is None or sum(off.values()) <= most_minor:
        return off
    return {key: amount for key, amount in apportion_whole(most_minor, off).items() if amount}


# -- pieces --------------------------------------------------------------------------------------------------


def runs_of(lines: Sequence[BasketLine], left: Mapping[str, int]) -> list[Run]:
    """Count the whole pieces of these lines by what each still costs; of 1.5 kg, one is whole.

    Cents that do not divide are on the first pieces of a line, so that all of them cost what the line does.
    """
    runs = []
    for line in lines:
        pieces = int(line.quantity)
        if pieces < 1:
            continue
        whole = left[line.key] if line.quantity == pieces else int(left[line.key] * pieces / line.quantity)
        price, dearer = divmod(whole, pieces)
        runs.append(Run(price + 1, line.key, dearer))
        runs.append(Run(price, line.key, pieces - dearer))
    return [run for run in runs if run.pieces]


def _cheaper_pieces(terms: Terms, runs: Sequence[Run]) -> ByLine:
    """Give the new price to the dearest pieces, where it is a lower one: the most that was promised."""
    dear = [Run(run.price_minor - terms.amount_minor, run.key, run.pieces) for run in runs]
    dear = [run for run in dear if run.price_minor > 0]
    return _take(sorted(dear, key=lambda run: (-run.price_minor, run.key)), terms.pieces)


def _pieces_to_get(terms: Terms, lines: Sequence[BasketLine], left: Mapping[str, int]) -> ByLine:
    """Give as many pieces free or cheaper as can be, and of those the cheapest.

    A piece that is of the bought goods and of those that one gets counts on one side only. How many there are
    hangs on pieces alone and on no price, so that a lower price never gives more.
    """
    runs = runs_of([line for line in lines if terms.gives(line)], left)
    bought = {line.key: int(line.quantity) for line in lines if terms.buys(line)}
    both = sum(run.pieces for run in runs if run.key in bought)
    others = sum(run.pieces for run in runs) - both
    get = _most_to_get(terms, bought=sum(bought.values()), both=both, others=others)
    spare = sum(bought.values()) - _to_buy(terms, get)
    worth = _take_cheapest(runs, get, set(bought), spare)
    total = sum(worth.values())
    if terms.share == WHOLE or not total:
        return worth
    return apportion_whole(share_of(total, terms.share), worth)


def _to_buy(terms: Terms, get: int) -> int:
    """Give how many pieces have to be bought for so many; for a part of a round as for a whole one."""
    return -(-get // terms.get_pieces) * terms.buy_pieces


def _most_to_get(terms: Terms, *, bought: int, both: int, others: int) -> int:
    """Find the most pieces that one can get, by halves: `both` of the `bought` ones may be given instead."""
    fits, too_many = 0, both + others + 1
    if terms.most_times is not None:
        too_many = min(too_many, terms.most_times * terms.get_pieces + 1)
    while too_many - fits > 1:
        get = (fits + too_many) // 2
        spare = bought - _to_buy(terms, get)
        if spare >= 0 and get <= others + min(both, spare):
            fits = get
        else:
            too_many = get
    return fits


def _take_cheapest(runs: Sequence[Run], pieces: int, bought: Collection[str], spare: int) -> ByLine:
    """Add up the cheapest pieces by line, at most `spare` of them of lines that are bought as well."""
    off: ByLine = {}
    for run in sorted(runs, key=lambda run: (run.price_minor, run.key)):
        taken = min(run.pieces, pieces, spare if run.key in bought else pieces)
        pieces -= taken
        if run.key in bought:
            spare -= taken
        off[run.key] = off.get(run.key, 0) + taken * run.price_minor
    return off


def _take(runs: Sequence[Run], pieces: int | None) -> ByLine:
    """Add up the first so many pieces by line; None takes all."""
    off: ByLine = {}
    for run in runs:
        taken = run.pieces if pieces is None else min(run.pieces, pieces)
        off[run.key] = off.get(run.key, 0) + taken * run.price_minor
        pieces = None if pieces is None else pieces - taken
    return off
