"""Which coupons need a second person before anybody gets them: those that may take off too large a share.

What counts is the share of the goods that a coupon speaks of, at worst: an amount without a minimum spend may
be the whole order. Whoever wants to go without a second look gives a minimum spend, or a highest amount off
together with one.
"""

from coupons.policies.kinds import CouponKind
from coupons.policies.terms import WHOLE, Terms


def worst_share(terms: Terms) -> int:
    """Give the largest share of its goods that a coupon may take off; postage is no goods.

    Units: hundredths of a percent, rounded up.
    """
    share = _share_of_kind(terms)
    return share if terms.most_minor is None else min(share, _of_minimum(terms, terms.most_minor))


def _share_of_kind(terms: Terms) -> int:
    match terms.kind:
        case CouponKind.SHIPPING:
            return 0
        case CouponKind.PERCENT:
            return terms.share
        case CouponKind.BUY_GET:
            if terms.get_only is not None:  # what one gets may be worth more than what is bought
                return terms.share
            # The cheapest pieces are given, so their share of the money is no larger than that of pieces.
            return _up(terms.share * terms.get_pieces, terms.buy_pieces + terms.get_pieces)
        case CouponKind.AMOUNT:
            return _of_minimum(terms, terms.amount_minor)
        case CouponKind.PRODUCT:
            return WHOLE


def _of_minimum(terms: Terms, amount_minor: int) -> int:
    """Give an amount as a share of the smallest order that gets it."""
    return min(WHOLE, _up(amount_minor * WHOLE, terms.minimum_minor)) if terms.minimum_minor else WHOLE


def _up(number: int, by: int) -> int:
    return -(-number // by)
