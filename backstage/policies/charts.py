"""Where the bars and lines of a chart go, in per cent of its box. No drawing here, and no words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import floor, log10

Number = int | float | Decimal


def plain(value: Number) -> str:
    """Write a number as it stands."""
    return str(value)


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers; None where there is none."""

    name: str
    values: Sequence[Number | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a chart says. `title` is the finding, `subtitle` the measure, `summary` the picture in one
    sentence.

    `write` turns a number into what a person reads: points, or money with its currency. At most two series:
    a third one cannot be told apart without color.
    """

    title: str
    subtitle: str
    summary: str
    labels: Sequence[str]
    series: Sequence[Series]
    write: Callable[[Number], str] = field(default=plain)

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= 2:
            raise ValueError(f"A chart has one or two series, not {len(self.series)}.")
        for series in self.series:
            if len(series.values) != len(self.labels):
                raise ValueError(
                    f"{series.name!r} has {len(series.values)} values for {len(self.labels)} labels."
                )


@dataclass(frozen=True, slots=True)
class Mark:
    """One bar, or one point of a line.

    Units: per cent of the box, except `label` and `value`; y counts downwards.
    """

    label: str
    value: Number
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Grid:
    """One hairline across the chart."""

    value: Number
    y: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The values from the bottom of the box to its top. Zero is always within: bars without it lie."""

    low: float
    high: float

    def y(self, value: Number) -> float:
        """Return how far below the top of the box `value` stands, in per cent."""
        return round((self.high - float(value)) / (self.high - self.low) * 100, 2)

    def grid(self) -> list[Grid]:
        """Return three hairlines: bottom, middle, top."""
        middle = (self.low + self.high) / 2
        return [Grid(_whole(value), self.y(value)) for value in (self.low, middle, self.high)]


def scale_of(chart: Chart) -> Scale:
    """Return a scale that takes in zero and every value and ends on round numbers."""
    values = [float(value) for series in chart.series for value in series.values if value is not None]
    top, bottom = max([0.0, *values]), min([0.0, *values])
    if top == bottom:
        top = 1.0
    return Scale(low=-round_up(-bottom), high=round_up(top))


def round_up(value: float) -> float:
    """Return the next number that reads well: 1, 2, 4, 5 or 10 times a power of ten.

    >>> [round_up(value) for value in (0, 0.7, 3, 41, 480, 1001)]
    [0, 1, 4, 50, 500, 2000]
    """
    if value <= 0:
        return 0
    power = 10 ** floor(log10(value))
    step = next(step for step in (1, 2, 4, 5, 10) if value <= step * power * (1 + 1e-9))
    return _whole(step * power)


def lay_bars(chart: Chart) -> list[list[Mark]]:
    """Return the bars of each series, side by side within the place of their label."""
    scale, place = scale_of(chart), 100 / max(1, len(chart.labels))
    width = place * 0.7 / len(chart.series)
    return [
        [
            _bar(scale, label, value, place * number + place * 0.15 + width * nth, width)
            for number, (label, value) in enumerate(zip(chart.labels, series.values, strict=True))
            if value is not None
        ]
        for nth, series in enumerate(chart.series)
    ]


def lay_lines(chart: Chart) -> list[list[list[Mark]]]:
    """Return the lines of each series; one that lacks a value is broken there, not drawn through it."""
    scale = scale_of(chart)
    step = 100 / max(1, len(chart.labels) - 1)
    lines = []
    for series in chart.series:
        pieces: list[list[Mark]] = [[]]
        for number, (label, value) in enumerate(zip(chart.labels, series.values, strict=True)):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append(Mark(label, value, round(step * number, 2), scale.y(value)))
        lines.append([piece for piece in pieces if piece])
    return lines


def _bar(scale: Scale, label: str, value: Number, x: float, width: float) -> Mark:
    top, bottom = sorted((scale.y(value), scale.y(0)))
    return Mark(label, value, round(x, 2), top, round(width, 2), round(bottom - top, 2))


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
