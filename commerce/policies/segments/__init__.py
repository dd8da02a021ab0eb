"""What a segment says: groups of conditions, their parameters, their days, and the words for all of it."""

from commerce.policies.segments.definition import (
    Clause,
    Definition,
    Describes,
    Group,
    Match,
    Problem,
    SegmentError,
    parse_definition,
)
from commerce.policies.segments.moments import Moment, Period
from commerce.policies.segments.parameters import Kind, Parameter, Unreadable

__all__ = [
    "Clause",
    "Definition",
    "Describes",
    "Group",
    "Kind",
    "Match",
    "Moment",
    "Parameter",
    "Period",
    "Problem",
    "SegmentError",
    "Unreadable",
    "parse_definition",
]
