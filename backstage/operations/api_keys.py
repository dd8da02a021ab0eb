"""Keys for machines: made and shown once, looked up with every call, withdrawn for good."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backstage.models import ApiKey
from backstage.operations import audit
from backstage.policies import By
from backstage.policies.api_keys import (
    NO_DIGEST,
    PREFIX_LENGTH,
    SECRET_LENGTH,
    KeyHolder,
    digest_of,
    is_same,
    prefix_of,
    write_key,
)
from backstage.registry import api_scopes, key_owners
from backstage.transactions import require_transaction

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
# A double click shows the second answer; a page that is sent again later must not show the key again.
SHOWN_AGAIN_FOR = timedelta(minutes=2)


class KeyRefused(PermissionError):
    """The one answer to a key that is unknown, wrong or withdrawn: whoever guesses learns nothing."""

    def __init__(self) -> None:
        super().__init__("This key is not valid. Ask the shop for a new one.")


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key's row, and the key as its owner must keep it; empty where it was shown before."""

    row: ApiKey
    shown: str


def make_key(
    *, name: str, owner_kind: str, owner_id: str, scopes: Collection[str], request: str, at: datetime, by: By
) -> MadeKey:
    """Make a key and show it, once.

    `request` is a chance text that the form carries. Replay: the same request answers with the same key; the
    key itself is shown again to the same person within two minutes, and never after.
    Raises: ValidationError naming the fields; TransactionRequiredError.
    """
    require_transaction()
    _check(name, owner_kind, owner_id, scopes)
    secret = _secret_of(request)
    standing = ApiKey.objects.filter(request_digest=digest_of(request)).first()
    if standing is not None:
        return _show_again(standing, secret, at, by)
    row = ApiKey(
        name=name.strip(),
        prefix="".join(secrets.choice(_ALPHABET) for _n in range(PREFIX_LENGTH)),
        request_digest=digest_of(request),
        owner_kind=owner_kind,
        owner_id=owner_id,
        scopes=sorted(scopes),
        made_at=at,
        made_by_kind=by.kind,
        made_by_id=by.id,
        made_by_label=by.label,
    )
    row.digest = digest_of(write_key(row.prefix, secret))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # the other click was faster
        return _show_again(ApiKey.objects.get(request_digest=digest_of(request)), secret, at, by)
    after = {"name": row.name, "owner": f"{owner_kind} {owner_id}", "scopes": row.scopes}
    _record("api_key_made", row, by=by, at=at, after=after)
    return MadeKey(row, write_key(row.prefix, secret))


def authenticate_key(*, text: str, at: datetime) -> KeyHolder:
    """Say who stands behind a key, and note the day.

    Unknown, wrong and withdrawn keys get one answer, after the same work. Queries: 1, and 1 more on the
    first use of a day. Raises: KeyRefused.
    """
    row = ApiKey.objects.filter(prefix=prefix_of(text)).first()
    fits = is_same(digest_of(text), row.digest if row else NO_DIGEST)
    if row is None or not fits or row.withdrawn_at is not None:
        raise KeyRefused
    if row.last_used_on != at.date():
        ApiKey.objects.filter(pk=row.pk).update(last_used_on=at.date())
    return KeyHolder(row.pk, row.owner_kind, row.owner_id, frozenset(row.scopes))


def withdraw_key(*, key_id: int, at: datetime, by: By) -> bool:
    """Let a key be good for nothing any more, for good; False where it was so already.

    Raises: ApiKey.DoesNotExist, TransactionRequiredError.
    """
    require_transaction()
    row = ApiKey.objects.get(pk=key_id)
    if ApiKey.objects.filter(pk=key_id, withdrawn_at__isnull=True).update(withdrawn_at=at) != 1:
        return False
    _record("api_key_withdrawn", row, by=by, at=at)
    return True


def withdraw_keys_of(*, owner_kind: str, owner_id: str, at: datetime, by: By) -> int:
    """Withdraw all keys of one owner; give their number. Raises: TransactionRequiredError."""
    require_transaction()
    keys = ApiKey.objects.filter(owner_kind=owner_kind, owner_id=owner_id, withdrawn_at__isnull=True)
    return sum(withdraw_key(key_id=key_id, at=at, by=by) for key_id in keys.values_list("pk", flat=True))


def _check(name: str, owner_kind: str, owner_id: str, scopes: Collection[str]) -> None:
    if not 0 < len(name.strip()) <= 80:
        raise ValidationError({"name": _("Give the key a name of at most 80 characters.")})
    if owner_kind not in key_owners or owner_id not in dict(key_owners.get(owner_kind).list_owners()):
        raise ValidationError({"owner": _("Choose whom the key is for.")})
    if not scopes or any(scope not in api_scopes for scope in scopes):
        raise ValidationError({"scopes": _("Choose what the key is good for.")})


def _secret_of(request: str) -> str:
    """Derive the secret from the request and the shop's own secret, which no dump of the database holds."""
    told = hmac.digest(settings.SECRET_KEY.encode(), f"encore.api_key:{request}".encode(), "sha256")
    return urlsafe_b64encode(told).decode()[:SECRET_LENGTH]


def _show_again(row: ApiKey, secret: str, at: datetime, by: By) -> MadeKey:
    is_recent = at - row.made_at <= SHOWN_AGAIN_FOR
    is_same_person = (row.made_by_kind, row.made_by_id) == (by.kind, by.id)
    may_show = is_recent and is_same_person and row.withdrawn_at is None
    return MadeKey(row, write_key(row.prefix, secret) if may_show else "")


def _record(kind: str, row: ApiKey, *, by: By, at: datetime, after: dict[str, object] | None = None) -> None:
    audit.record(kind=kind, object_kind="apikey", object_id=row.pk, by=by, at=at, after=after)
