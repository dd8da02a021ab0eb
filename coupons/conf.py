"""What the developer of a shop decides about coupons."""

from backstage.conf import declare

CODE_TRIES = declare(
    "CODE_TRIES", int, default=10, says="how many wrong codes one source may try before it has to wait"
)
CODE_TRY_SECONDS = declare(
    "CODE_TRY_SECONDS", int, default=60, says="after how many seconds a source may try one more code"
)
