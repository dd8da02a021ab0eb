"""A segment as it is written down: conditions, all or any of them, some turned round, one level of groups.

{"match": "all", "time_zone": "Europe/Oslo", "conditions": [
    {"condition": "orders", "with": {"at_least": 3, "period": {"last": 12, "unit": "months"}}},
    {"condition": "tag", "with": {"any_of": ["wholesale"]}, "not": true},
    {"match": "any", "conditions": [
        {"condition": "brand", "with": {"any_of": ["Solberg"]}},
        {"condition": "category", "with": {"any_of": ["coffee"]}}]}]}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext as _

from backstage.policies.names import did_you_mean
from commerce.policies.segments.parameters import Parameter, Unreadable

# Each condition is a join. SQLite joins at most 64 tables, and nobody reads a sentence with 20 parts.
MOST_CONDITIONS: Final = 20


class Match(StrEnum):
    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One condition with its values filled in. `is_known` is False where the app that brought it is gone."""

    path: str
    condition: str
    values: Mapping[str, Any]
    is_negated: bool = False
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Conditions of which all must hold, or any."""

    match: Match
    parts: tuple["Clause | Group", ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A segment that was read without a problem."""

    group: Group
    zone: ZoneInfo

    def list_clauses(self) -> list[Clause]:
        """Return every condition, in the order in which they were written."""
        return list(_walk(self.group))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field; `path` leads to it ("conditions.0.with.currency")."""

    path: str
    message: str


class SegmentError(ValueError):
    """A segment cannot be read. `problems` names every wrong field at once: one look mends them all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(f"{problem.path}: {problem.message}" for problem in problems))


class Describes(Protocol):
    """What a condition must say of itself so that a definition can be read."""

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    @property
    def at_least_one_of(self) -> Sequence[str]:
        """Parameters of which one or more must be given."""

    @property
    def exactly_one_of(self) -> Sequence[str]:
        """Parameters that exclude each other, of which one must be given."""

    @property
    def ranges(self) -> Sequence[tuple[str, str]]:
        """Pairs of parameters of which the first may not be above the second."""


def parse_definition(
    raw: object, *, known: Mapping[str, Describes], default_zone: str, allow_missing: bool = False
) -> Definition:
    """Read a definition as it was typed or stored.

    With `allow_missing`, a condition that nobody registered is kept as one that matches nobody: what an owner
    stored must stay readable after an app was removed. Without it, it is a misspelling.

    Raises: SegmentError, naming every field that is wrong.
    """
    reader = _Reader(known=known, allow_missing=allow_missing)
    if not isinstance(raw, Mapping):
        raise SegmentError([Problem("", _("Give a segment with a list of conditions."))])
    zone = reader.read_zone(raw.get("time_zone", default_zone))
    group = reader.read_group(raw, path="", extra=("time_zone",))
    if reader.count > MOST_CONDITIONS:
        reader.complain("conditions", _("Use at most %(most)s conditions.") % {"most": MOST_CONDITIONS})
    if reader.problems:
        raise SegmentError(reader.problems)
    return Definition(group=group, zone=zone)


def _walk(group: Group) -> Iterator[Clause]:
    for part in group.parts:
        if isinstance(part, Clause):
            yield part
        else:
            yield from _walk(part)


@dataclass(slots=True)
class _Reader:
    """Reads on after a problem, so that all of them are found."""

    known: Mapping[str, Describes]
    allow_missing: bool
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def complain(self, path: str, message: str) -> None:
        self.problems.append(Problem(path.strip("."), message))

    def read_zone(self, value: Any) -> ZoneInfo:
        try:
            return ZoneInfo(value)
        # The last two: a path out of the folder of zones, and what is no text at all.
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            self.complain("time_zone", _("Give the name of a time zone, for example Europe/Oslo."))
            return ZoneInfo("UTC")

    def read_group(self, raw: Mapping[str, Any], *, path: str, extra: tuple[str, ...] = ()) -> Group:
        self.refuse_unknown(raw, path=path, known=("match", "conditions", "not", *extra))
        match = raw.get("match", Match.ALL)
        if match not in list(Match):
            self.complain(f"{path}.match", _("Write all or any."))
            match = Match.ALL
        parts = raw.get("conditions")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            # An empty segment would be everybody, and the next newsletter would go to everybody.
            self.complain(f"{path}.conditions", _("Give at least one condition."))
            parts = []
        return Group(
            match=Match(match),
            parts=tuple(
                self.read_part(part, path=f"{path}.conditions.{index}") for index, part in enumerate(parts)
            ),
            is_negated=self.read_not(raw, path),
        )

    def read_part(self, raw: Any, *, path: str) -> Clause | Group:
        if isinstance(raw, Mapping) and "conditions" in raw:
            if path.count("conditions") > 1:
                self.complain(path, _("A group cannot stand within a group within a group."))
                return Group(match=Match.ALL, parts=())
            return self.read_group(raw, path=path)
        if not isinstance(raw, Mapping) or not isinstance(raw.get("condition"), str):
            self.complain(path, _("Name a condition: %(known)s.") % {"known": ", ".join(sorted(self.known))})
            raw = {"condition": ""}
        return self.read_clause(raw, path=path)

    def read_clause(self, raw: Mapping[str, Any], *, path: str) -> Clause:
        self.count += 1
        key, values = raw["condition"], raw.get("with", {})
        self.refuse_unknown(raw, path=path, known=("condition", "with", "not"))
        is_known = key in self.known
        if key and not is_known and not self.allow_missing:
            self.complain(
                f"{path}.condition",
                _("There is no condition %(name)r.") % {"name": key} + " " + did_you_mean(key, self.known),
            )
        if not isinstance(values, Mapping):
            self.complain(f"{path}.with", _("Give the values by their names."))
            values = {}
        return Clause(
            path=path.strip("."),
            condition=key,
            values=self.read_values(values, self.known[key], path=f"{path}.with") if is_known else {},
            is_negated=self.read_not(raw, path),
            is_known=is_known,
        )

    def read_values(self, raw: Mapping[str, Any], condition: Describes, *, path: str) -> dict[str, Any]:
        self.refuse_unknown(raw, path=path, known=[parameter.name for parameter in condition.parameters])
        values = {}
        for parameter in condition.parameters:
            values[parameter.name] = parameter.default
            if raw.get(parameter.name) is not None:
                try:
                    values[parameter.name] = parameter.read(raw[parameter.name])
                except Unreadable as error:
                    self.complain(f"{path}.{parameter.name}", str(error))
            elif parameter.is_required:
                self.complain(f"{path}.{parameter.name}", _("This must be filled in."))
        self.check_together(raw, values, condition, path=path)
        return values

    def check_together(
        self, raw: Mapping[str, Any], values: Mapping[str, Any], condition: Describes, *, path: str
    ) -> None:
        if condition.at_least_one_of and not _given(raw, condition.at_least_one_of):
            names = ", ".join(condition.at_least_one_of)
            self.complain(
                f"{path}.{condition.at_least_one_of[0]}",
                _("Fill in at least one of: %(names)s.") % {"names": names},
            )
        if condition.exactly_one_of and len(_given(raw, condition.exactly_one_of)) != 1:
            names = ", ".join(condition.exactly_one_of)
            self.complain(
                f"{path}.{condition.exactly_one_of[0]}",
                _("Fill in exactly one of: %(names)s.") % {"names": names},
            )
        for least, most in condition.ranges:
            if values[least] is not None and values[most] is not None and values[least] > values[most]:
                self.complain(
                    f"{path}.{most}", _("This is below %(least)s. Swap the two.") % {"least": values[least]}
                )

    def read_not(self, raw: Mapping[str, Any], path: str) -> bool:
        value = raw.get("not", False)
        if not isinstance(value, bool):
            self.complain(f"{path}.not", _("Write true or false."))
        return value is True

    def refuse_unknown(self, raw: Mapping[str, Any], *, path: str, known: Sequence[str]) -> None:
        for name in raw:
            if name not in known:
                self.complain(
                    f"{path}.{name}",
                    _("There is nothing called %(name)r here.") % {"name": name}
                    + " "
                    + did_you_mean(str(name), known),
                )


def _given(raw: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [name for name in names if raw.get(name) is not None]
