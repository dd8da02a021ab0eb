"""What the developer of a shop decides about coupons."""

from backstage.conf import declare

GIFT_CARD_KEY = declare(
    "GIFT_CARD_KEY",
    str,
    default="",
    says="the secret that codes of gift cards are kept under; empty for SECRET_KEY and its fallbacks",
)
GIFT_CARD_HOLD_MINUTES = declare(
    "GIFT_CARD_HOLD_MINUTES",
    int,
    default=30,
    says="for how many minutes a checkout reserves money of a gift card",
)
GIFT_CARD_GRACE_DAYS = declare(
    "GIFT_CARD_GRACE_DAYS",
    int,
    default=30,
    says="for how many days money can be used that comes back to a gift card after its end",
)
CODE_TRIES = declare(
    "CODE_TRIES", int, default=10, says="how many wrong codes one source may try before it has to wait"
)
CODE_TRY_SECONDS = declare(
    "CODE_TRY_SECONDS", int, default=60, says="after how many seconds one wrong try is forgiven"
)
