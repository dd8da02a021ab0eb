"""Doors of loyalty: what the apps above it put into its pages, and what else may bring points."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backstage.registry import Registry, Text
from loyalty.models import Member, Programme
from loyalty.policies.book import MemberBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A member who looks at their page: everything that a section may need and nobody should load twice.

    `book` stands as of `at`, with what time has decided by then.
    """

    member: Member
    programme: Programme
    book: MemberBook
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPageSection:
    """A part of the member's page. Sections stand by `order`, from the top; ours are at 700 and above.

    `find` gives what `template` shows as `section`, or None where there is nothing to say: then nothing is
    rendered at all, not even a heading. It reads and never writes, with a constant number of queries.
    """

    name: str
    order: int
    template: str
    find: Callable[[Visit], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningTrigger:
    """Something that members do besides buying, for which the owner may give points.

    `label` names it within a sentence ("your birthday"). `is_told` is False for what loyalty notices itself;
    the rest is told by `loyalty.operations.actions.record_action`.
    """

    name: str
    label: Text
    is_told: bool = True


earning_triggers: Registry[EarningTrigger] = Registry("earning trigger")
member_page_sections: Registry[MemberPageSection] = Registry("member page section")


def list_member_page_sections() -> list[MemberPageSection]:
    """Give the sections in the order of the page; the same order by name."""
    sections = [section for _, section in member_page_sections.items()]
    return sorted(sections, key=lambda section: (section.order, section.name))
