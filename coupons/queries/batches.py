"""Questions about batches of codes and the codes in them; none of them counts a million rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from coupons.conf import CODE_LINK
from coupons.models import Code, CodeBatch
from coupons.policies.code_text import spell
from coupons.policies.codes import normal_code
from coupons.policies.states import CodeState

# So many codes of a batch are read at once for a file.
AT_ONCE = 5_000
# Beyond every letter and digit of a code in the order of its bytes.
BEYOND = "~"


@dataclass(frozen=True, slots=True)
class Shares:
    """How the codes of a batch stand, which together are those that are wanted.

    `over` are those whose end has come before anybody used them; `missing` are not made yet.
    """

    used: int
    free: int
    paused: int
    over: int
    void: int
    missing: int


def get_shares(batch: CodeBatch, *, at: datetime) -> Shares:
    """Tell how the codes of a batch stand at a moment, from what it counts itself.

    Codes with an earlier end of their own count as free until the batch ends. Queries: 0.
    """
    rest = batch.free_count
    is_void, is_over = batch.state == CodeState.VOID, batch.ends_at is not None and batch.ends_at <= at
    is_paused = batch.state == CodeState.PAUSED
    return Shares(
        used=batch.used_count,
        void=batch.void_count + (rest if is_void else 0),
        over=rest if is_over and not is_void else 0,
        paused=rest if is_paused and not is_over else 0,
        free=0 if is_void or is_over or is_paused else rest,
        missing=batch.wanted_count - batch.made_count,
    )


def count_alike(*, prefix: str, places: int, besides: int | None = None) -> int:
    """Count the codes of other batches that look like those of a new one: a guess at one may hit the other.

    Queries: 1.
    """
    alike = CodeBatch.objects.filter(prefix=prefix, random_places=places).exclude(state=CodeState.VOID)
    return alike.exclude(id=besides or 0).aggregate(count=Sum("wanted_count"))["count"] or 0


def filter_codes(codes: QuerySet[Code], typed: str) -> QuerySet[Code]:
    """Keep the codes that begin with what somebody typed, however they spell it; nothing where it is none.

    A range of the index and no LIKE, which would read every code where the case may differ. Queries: 0.
    """
    text = normal_code(typed)
    return codes.filter(code__gte=text, code__lt=text + BEYOND) if text else codes.none()


@dataclass(frozen=True, slots=True)
class ListedCode:
    """A code as files and print sheets show it. `link` is empty where codes lead nowhere."""

    id: int
    written: str
    link: str
    state: str
    used_count: int
    ends_at: datetime | None

    @property
    def is_free(self) -> bool:
        """Whether somebody may still use it; its end is not asked."""
        return self.state == CodeState.READY and not self.used_count


def list_codes(batch: CodeBatch, *, after: int = 0, limit: int) -> list[ListedCode]:
    """Return the next codes of a batch in the order in which they were made. Queries: 1."""
    rows = Code.objects.filter(batch=batch, id__gt=after).order_by("id")
    columns = ("id", "code", "state", "used_count", "ends_at")
    return [
        ListedCode(
            id=code_id,
            written=spell(code, prefix=batch.prefix),
            link=link_of(code),
            state=state if batch.state == CodeState.READY else batch.state,
            used_count=used_count,
            ends_at=min((end for end in (ends_at, batch.ends_at) if end is not None), default=None),
        )
        for code_id, code, state, used_count, ends_at in rows.values_list(*columns)[:limit]
    ]


def read_codes(batch: CodeBatch) -> Iterator[ListedCode]:
    """Give every code of a batch, a few thousand in memory at a time. Queries: 1 for each of those."""
    after = 0
    while found := list_codes(batch, after=after, limit=AT_ONCE):
        yield from found
        after = found[-1].id


def link_of(code: str) -> str:
    """Return the address that a code leads to, if the developer gave one. Queries: 0."""
    return CODE_LINK.get().replace("{code}", code)
