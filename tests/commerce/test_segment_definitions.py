"""What is wrong with a segment is said beside the field, all of it at once."""

import pytest

from commerce.policies.segments import SegmentError
from commerce.queries.segments import read_segment
from tests.commerce.segments import where

pytestmark = pytest.mark.once


def problems(raw):
    with pytest.raises(SegmentError) as refused:
        read_segment(conditions=raw)
    return {problem.path: problem.message for problem in refused.value.problems}


def problem_with(condition, **values):
    ((path, message),) = problems({"conditions": [where(condition, **values)]}).items()
    return path.removeprefix("conditions.0."), message


def test_every_wrong_field_is_named_at_once():
    found = problems(
        {
            "match": "most",
            "time_zone": "Europe/Osl",
            "conditions": [
                where("spendd", at_least=1),
                where("spend", curency="EUR", at_least=-1),
                {"match": "any", "conditions": []},
            ],
        }
    )

    assert found == {
        "match": "Write all or any.",
        "time_zone": "Give the name of a time zone, for example Europe/Oslo.",
        "conditions.0.condition": "There is no condition 'spendd'. Did you mean 'spend'?",
        "conditions.1.with.curency": "There is nothing called 'curency' here. Did you mean 'currency'?",
        "conditions.1.with.currency": "This must be filled in.",
        "conditions.1.with.at_least": "Give a whole number from 0 to 9007199254740992.",
        "conditions.2.conditions": "Give at least one condition.",
    }


@pytest.mark.parametrize("raw", [None, [], "spend", 7, {"conditions": "spend"}, {"conditions": {}}, {}])
def test_what_is_no_segment_is_refused(raw):
    assert len(problems(raw)) == 1


@pytest.mark.parametrize("part", [None, "spend", [], {"condition": ["spend"]}, {"condition": 1}])
def test_what_is_no_condition_is_answered_with_their_names(part):
    assert problems({"conditions": [part]})["conditions.0"].startswith("Name a condition: age, attribute, ")


@pytest.mark.parametrize("value", [True, 1.5, "100", float("nan"), 2**60, -1, [1]])
def test_money_is_a_whole_number_of_minor_units(value):
    path, message = problem_with("spend", currency="EUR", at_least=value)

    assert (path, message) == ("with.at_least", "Give a whole number from 0 to 9007199254740992.")


@pytest.mark.parametrize("value", ["eur", "XXY", 7, ["EUR"]])
def test_a_currency_must_exist(value):
    assert problem_with("spend", currency=value, at_least=1)[0] == "with.currency"


@pytest.mark.parametrize("value", [0, 101, "NaN", "inf", "1e-9", "five", True, "2.555", [5], "1e999999999"])
def test_a_percentage_is_above_nothing_and_at_most_everything(value):
    path, message = problem_with("top_revenue", currency="EUR", percent=value)

    assert path == "with.percent"
    assert message == "Give a percentage above 0 and up to 100, with two decimals at most."


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ({"last": 0}, "Give a whole number from 1 to 36500."),
        ({"last": 2000, "unit": "months"}, "Give a whole number from 1 to 1200."),
        ({"last": 3, "unit": "weeks"}, "The unit of a period is days or months."),
        ({"from": "2026-02-30"}, "Give a day as year-month-day, for example 2025-12-31."),
        ({"from": "20260201"}, "Give a day as year-month-day, for example 2025-12-31."),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "The period ends before it begins. Swap the two days."),
        ({"form": "2026-02-01"}, "A period has no 'form'. Did you mean 'from'?"),
        (
            {"last": 3, "to": "2026-02-01"},
            'Give {"last": 12, "unit": "months"}, or {"from": "2025-01-01", "to": "2025-12-31"}.',
        ),
    ],
)
def test_a_period_says_what_it_takes(period, message):
    assert problem_with("orders", at_least=1, period=period) == ("with.period", message)


@pytest.mark.parametrize("value", [[], "vip", [""], ["a\x00b"], ["\udcff"], ["x" * 101], [7], ["t"] * 501])
def test_a_list_of_texts_is_refused_unless_each_can_be_stored(value):
    assert problem_with("tag", any_of=value)[0] == "with.any_of"


@pytest.mark.parametrize("value", [[float("nan")], [None], [[1]], [float("inf")], [2**70]])
def test_an_attribute_is_compared_only_with_what_json_holds(value):
    assert problem_with("attribute", name="size", any_of=value)[0] == "with.any_of"


def test_bounds_must_be_given_and_in_order():
    assert problem_with("orders") == ("with.at_least", "Fill in at least one of: at_least, at_most.")
    assert problem_with("orders", at_least=3, at_most=2) == ("with.at_most", "This is below 3. Swap the two.")


def test_values_that_exclude_each_other_are_refused():
    message = "Fill in exactly one of: next_days, this_month."

    assert problem_with("birthday") == ("with.next_days", message)
    assert problem_with("birthday", next_days=1, this_month=True) == ("with.next_days", message)


def test_groups_nest_one_level_and_no_deeper():
    inner = {"conditions": [where("tag", any_of=["vip"])]}

    assert (
        read_segment(conditions={"conditions": [inner]}).list_clauses()[0].path == "conditions.0.conditions.0"
    )
    assert problems({"conditions": [{"conditions": [inner]}]}) == {
        "conditions.0.conditions.0": "A group cannot stand within a group within a group."
    }


def test_more_conditions_than_anybody_can_read_are_refused():
    raw = {"conditions": [where("tag", any_of=["vip"])] * 21}

    assert problems(raw) == {"conditions": "Use at most 20 conditions."}
