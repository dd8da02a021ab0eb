"""The doors through which upper apps answer to what happens to purchases and customers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backstage.policies import By
from backstage.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReaction:
    """What an upper app does about purchases that changed.

    `list_due(limit)` returns ids of purchases whose revision it has not applied yet, oldest debt first;
    `settle` brings it up to date with these. `settle` must be idempotent and must open its own transaction:
    it is called again after any crash.
    """

    name: str
    list_due: Callable[[int], list[int]]
    settle: Callable[[Sequence[int], datetime], None]


class OnMerge(Protocol):
    def __call__(self, *, source_id: int, target_id: int, at: datetime, by: By) -> None: ...


class OnUnmerge(Protocol):
    def __call__(self, *, source_id: int, target_id: int, at: datetime, by: By) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMergeReaction:
    """What an upper app does in the transaction of a merge or its undoing.

    `on_merge` may refuse by raising `MergeRefusedError`; then nothing is merged. `on_unmerge` returns
    sentences about what it could not take apart and a person has to decide.
    """

    name: str
    on_merge: OnMerge
    on_unmerge: OnUnmerge


class MergeRefusedError(ValueError):
    """An app cannot merge these two customers now; the message says why and what to do first."""


purchase_reactions: Registry[PurchaseReaction] = Registry("purchase reaction")
customer_merges: Registry[CustomerMergeReaction] = Registry("customer merge reaction")
