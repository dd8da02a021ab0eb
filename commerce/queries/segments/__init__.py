"""Who is in a segment."""

from commerce.queries.segments.questions import (
    Answer,
    WhyNot,
    count_segment,
    describe_segment,
    find_customers,
    list_segment,
    read_segment,
    select_segment,
    why_not,
)

__all__ = [
    "Answer",
    "WhyNot",
    "count_segment",
    "describe_segment",
    "find_customers",
    "list_segment",
    "read_segment",
    "select_segment",
    "why_not",
]
