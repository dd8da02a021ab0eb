"""Why a redemption is refused. Each carries the numbers, and says what to do next."""

from collections.abc import Sequence

from coupons.policies.evaluation import Answer, Evaluation


class CodesRefused(ValueError):
    """A code that the order asks for does not count; `answers` say which, and why where it may be said."""

    def __init__(self, *, answers: Sequence[Answer]) -> None:
        self.answers = tuple(answers)
        codes = ", ".join(answer.code for answer in answers)
        super().__init__(f"These codes do not count for this order: {codes}. Take them out, or say why not.")


class DiscountChanged(ValueError):
    """The order would get another discount than the customer has seen."""

    def __init__(self, *, expected_minor: int, evaluation: Evaluation) -> None:
        self.expected_minor = expected_minor
        self.found_minor = evaluation.discount_minor
        self.evaluation = evaluation
        super().__init__(
            f"The customer was shown {expected_minor} off, and it is {evaluation.discount_minor} now. "
            "Show the new total and ask again."
        )


class OrderDiffers(ValueError):
    """This order number has coupons already, for another basket, other codes or another customer."""

    def __init__(self, *, channel: str, reference: str) -> None:
        self.channel, self.reference = channel, reference
        super().__init__(
            f"Order {reference} of {channel} has reserved coupons for something else. "
            "Void it first, or use another number."
        )


class OrderUnknown(LookupError):
    """No coupon was ever reserved under this order number."""

    def __init__(self, *, channel: str, reference: str) -> None:
        self.channel, self.reference = channel, reference
        super().__init__(f"No coupon was reserved for order {reference} of {channel}.")
