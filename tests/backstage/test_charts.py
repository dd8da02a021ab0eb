"""A chart can be read without seeing it, and drawn without a script or a style attribute."""

from decimal import Decimal

import pytest
from django.template import engines

from backstage.policies.charts import Chart, Series, lay_bars, lay_lines, round_up, scale_of
from tests.harness.client import read

MONTHS = ["September", "October", "November"]


def chart(*rows, labels=MONTHS) -> Chart:
    return Chart(
        title="Points used went up in October",
        subtitle="Points used per month",
        summary="From 120 to 610, highest in October.",
        labels=labels,
        series=[Series(name, values) for name, values in rows],
        write=lambda value: f"{value} points",
    )


def draw(tag: str, drawn: Chart) -> str:
    template = engines["django"].from_string("{% load encore_backstage %}{% " + tag + " chart %}")
    page = template.render({"chart": drawn})
    read(page, strict=True)
    return page


@pytest.mark.parametrize("tag", ["bar_chart", "line_chart"])
def test_a_chart_says_in_words_and_in_a_table_what_it_draws(tag):
    page = draw(tag, chart(("Used", [120, 610, None])))

    assert (
        'role="img" aria-label="Points used went up in October. From 120 to 610, highest in October."' in page
    )
    assert "<summary>Show the numbers</summary>" in page
    assert '<th scope="row">October</th><td>610 points</td>' in page
    assert '<th scope="row">November</th><td>–</td>' in page


def test_bars_stand_on_zero_and_end_below_a_round_number():
    (bars,) = lay_bars(chart(("Used", [120, 610, 0])))

    assert [(bar.y, bar.height) for bar in bars] == [(88.0, 12.0), (39.0, 61.0), (100.0, 0.0)]
    assert bars[0].x == pytest.approx(5)


def test_a_loss_hangs_below_the_baseline():
    (bars,) = lay_bars(chart(("Net", [5, -5, 10])))

    assert [(bar.y, bar.height) for bar in bars] == [(33.33, 33.34), (66.67, 33.33), (0.0, 66.67)]
    scale = scale_of(chart(("Net", [5, -5, 10])))
    assert (scale.low, scale.high, scale.y(0)) == (-5, 10, 66.67)


def test_two_series_stand_side_by_side():
    given, used = lay_bars(chart(("Given", [1, 2, 3]), ("Used", [1, 1, 1])))

    assert used[0].x == pytest.approx(given[0].x + given[0].width, abs=0.02)


def test_a_line_is_broken_where_a_number_is_missing():
    (pieces,) = lay_lines(chart(("Used", [1, None, 4])))

    assert [[(mark.x, mark.y) for mark in piece] for piece in pieces] == [[(0.0, 75.0)], [(100.0, 0.0)]]


def test_a_line_is_labelled_at_its_end():
    assert 'text-anchor="end">Used: 480 points</text>' in draw("line_chart", chart(("Used", [1, 2, 480])))


def test_numbers_in_attributes_never_follow_the_readers_language(settings):
    settings.LANGUAGE_CODE = "pl"
    from_decimals = chart(("Used", [Decimal("0.5"), Decimal("0.25"), Decimal("0.75")]))

    page = draw("bar_chart", from_decimals)

    assert 'y="50.0%"' in page


@pytest.mark.parametrize("tag", ["bar_chart", "line_chart"])
@pytest.mark.parametrize("drawn", [chart(("Used", []), labels=[]), chart(("Used", [None, None, None]))])
def test_an_empty_chart_says_what_will_appear(tag, drawn):
    page = draw(tag, drawn)

    assert "Nothing to draw yet. The first figures will appear here." in page
    assert "<svg" not in page


@pytest.mark.parametrize("tag", ["bar_chart", "line_chart"])
@pytest.mark.parametrize("values", [[0, 0, 0], [7, 7, 7], [10**15, 1, 0]])
def test_zeros_equals_and_huge_numbers_are_drawn(tag, values):
    assert "<svg" in draw(tag, chart(("Used", values)))


def test_one_label_is_enough():
    assert "<svg" in draw("line_chart", chart(("Used", [3]), labels=["November"]))


def test_names_from_the_owner_are_escaped():
    drawn = chart(("<b>", [1, 2, 3]), labels=["<i>", "b", "c"])

    page = draw("bar_chart", drawn) + draw("line_chart", drawn)

    assert "<b>" not in page
    assert "<i>" not in page


def test_a_third_series_or_a_missing_value_is_refused():
    with pytest.raises(ValueError, match="one or two series, not 3"):
        chart(("a", [1, 2, 3]), ("b", [1, 2, 3]), ("c", [1, 2, 3]))
    with pytest.raises(ValueError, match="'a' has 2 values for 3 labels"):
        chart(("a", [1, 2]))


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 0), (0.7, 1), (3, 4), (41, 50), (480, 500), (1001, 2000), (-3, 0)]
)
def test_a_scale_ends_on_a_number_that_reads_well(value, rounded):
    assert round_up(value) == rounded
