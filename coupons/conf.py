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
    "CODE_TRY_SECONDS", int, default=60, says="after how many seconds a source may try one more code"
)
FEED_SHOP = declare(
    "FEED_SHOP", str, default="", says="the shop's name in the coupon feed; empty for the host's name"
)
FEED_LINK = declare(
    "FEED_LINK", str, default="", says="the address that the coupon feed leads to; empty for the site's root"
)
FEED_SECONDS = declare(
    "FEED_SECONDS", int, default=300, says="for how many seconds others may keep the coupon feed"
)
FEED_KEEP_DAYS = declare(
    "FEED_KEEP_DAYS",
    int,
    default=30,
    says="for how many days the coupon feed still names a coupon that is over",
)
LEAK_HOURS = declare(
    "LEAK_HOURS", int, default=24, says="within how many hours use of a private or site's code is counted"
)
LEAK_CUSTOMERS = declare(
    "LEAK_CUSTOMERS",
    int,
    default=25,
    says="from how many unrelated customers on a private or site's code raises an alert",
)
LEAK_TIMES_USUAL = declare(
    "LEAK_TIMES_USUAL",
    int,
    default=5,
    says="how many times the usual number of customers it must be for an alert",
)
COUPON_ALONE_PERCENT = declare(
    "COUPON_ALONE_PERCENT",
    int,
    default=30,
    says="up to what percent off staff switches coupons on alone; more needs a second person, 100 never does",
)
CODE_ODDS = declare(
    "CODE_ODDS",
    int,
    default=1_000_000,
    says="how many guesses at codes of a batch must be made for one hit; a batch that is easier is refused",
)
CODE_LINK = declare(
    "CODE_LINK",
    str,
    default="",
    says="the address that a code leads to, with {code} in it; in files and QR codes of batches",
)
RESERVED_CODES = declare(
    "RESERVED_CODES",
    str,
    default="TEST FREE ADMIN STAFF NULL GIFT SALE CODE COUPON DISCOUNT WELCOME",
    says="codes, with spaces between, that everybody would try; whoever chooses one is warned",
)
