"""What a programme would cost, asked on the command line before it is switched on."""

from decimal import Decimal

import pytest
from django.core.management import CommandError

from commerce.models import Purchase
from loyalty.models import Award, Programme
from tests.commerce.command import encore
from tests.factories.commerce import ChannelFactory
from tests.factories.loyalty import LotTermsFactory, ProgrammeFactory
from tests.loyalty.shop import day, goods, join, open_shop, tell

SHOP = (
    *("--currency", "EUR", "--average-order", "3.50", "--orders", 4000, "--members", 40, "--margin", 65),
    *("--points", 10, "--worth", "0.50", "--used", 70, "--expiry", 12),
)


@pytest.fixture(autouse=True)
def _today(db, clock):
    """Every command reads the business clock."""


def sell(count: int = 40, *, minor: int = 350, **facts: object) -> None:
    """Sell as many orders, over as many days."""
    for number in range(count):
        tell(f"{minor}-{number}", goods("1", minor, **facts), placed_at=day(-number - 0.5), who="bob")


def said_of(answer, label: str) -> str:
    """Return what stands behind a label."""
    (line,) = [line for line in answer.said.splitlines() if line.strip().startswith(label)]
    return " ".join(line.split()).removeprefix(label).strip()


def test_the_reference_shop_reads_as_designed():
    answer = encore(
        *("forecast", *SHOP, "--step", "4.50", "--bonus", 30, "--over-already", 20),
        *("--target", "4.50", "--reward", 100),
    )

    assert (answer.code, answer.complained) == (0, "")
    assert "A customer who spends €100 gets 1,000 points, worth €5.00." in answer.said
    assert said_of(answer, "Discount you promise") == "5.0 %"
    assert said_of(answer, "Discount you likely pay") == "3.5 % 70 % of points get used"
    assert said_of(answer, "Over all your sales") == "1.4 % members are 40 %"
    assert said_of(answer, "You keep of €100 sold") == "€65.00 → €63.60"
    assert said_of(answer, "Cost a month") == "about €196 €154 to €238 if 55 % to 85 % of points get used"
    assert said_of(answer, "Break-even") == "members spend €3.70, not €3.50 (+5.7 %)"
    assert said_of(answer, "First reward") == "after 3 orders aim for 1 to 3"
    assert "They alone would have to spend €6.00 to lift the average from €3.50." in answer.said
    assert said_of(answer, "After 6 months") == "265,315 points = €1,327 promised, €823 likely"
    assert said_of(answer, "Levels off at") == "410,634 points = €2,053 promised, €1,045 likely"
    assert "20 % of members' orders are there already and get it too: €33.60 a month." in answer.said
    assert "Each order that grows from €3.50 to €4.50 brings €0.51 after rewards." in answer.said
    assert "It pays off once 66 more orders a month grow past €4.50: 5.2 % of those below." in answer.said
    assert [said_of(answer, f"{points} points") for points in (5, 15, 20)] == [
        "1.75 % likely, €98.00 a month",
        "5.25 % likely, €294 a month",
        "7.0 % likely, €392 a month",
    ]


def test_a_program_reads_the_same_figures_in_minor_units():
    result = encore("forecast", *SHOP, "--json").result

    forecast = result["forecast"]
    assert forecast["monthly_cost_minor"] == 19600
    assert Decimal(forecast["likely_rate"]) == Decimal("0.035")
    assert forecast["break_even_average_minor"] == 370
    assert [owed["points"] for owed in forecast["owed"]][5] == 265_315
    assert forecast["owed_level"]["points"] == 410_634
    assert (forecast["step"], forecast["limit"]) == (None, None)
    assert [other["monthly_cost_minor"] for other in result["compare"]] == [9800, 19600, 29400, 39200]
    assert {origin["source"] for origin in result["origins"].values()} == {"given"}


def test_what_the_shop_has_recorded_is_read_and_said_to_be():
    open_shop(worth_minor=1)
    sell(60, minor=500, cost_minor=200)

    answer = encore("forecast")

    assert said_of(answer, "Average order") == "€5.00 read: orders of the last 60 days: 60"
    assert said_of(answer, "Orders a month") == "30 read: orders of the last 60 days: 60"
    assert said_of(answer, "Gross margin") == "60 % read: costs are known for 100 % of sales"
    assert said_of(answer, "Points for each €1") == "10 from the programme"
    assert said_of(answer, "100 points are worth") == "€1.00 from the programme"


def test_what_nobody_knows_is_a_guess_and_said_to_be():
    ChannelFactory(timed=True)
    sell()

    answer = encore("forecast")

    assert said_of(answer, "Orders by members") == "40 % a guess: no purchase is a member's yet"
    assert said_of(answer, "Gross margin") == "40 % a guess: no cost price is known"
    assert said_of(answer, "Points that get used") == "70 % a guess"
    assert "Based on a guess: Orders by members, Gross margin, Points for each €1" in answer.said


def test_what_is_given_goes_before_what_is_read():
    open_shop(worth_minor=1)
    sell(cost_minor=100)

    result = encore("forecast", "--average-order", "7", "--margin", "50", "--json").result

    assert result["forecast"]["assumed"]["average_order_minor"] == 700
    assert result["origins"]["average_order_minor"]["source"] == "given"
    assert result["origins"]["margin_rate"]["source"] == "given"
    assert result["origins"]["monthly_orders"]["source"] == "read"


def test_few_orders_are_said_to_be_too_few():
    open_shop(worth_minor=1)
    sell(29)

    assert said_of(encore("forecast"), "Average order").endswith(
        "orders of the last 29 days: 29, too few to tell"
    )


def test_members_orders_and_those_over_the_step_are_read():
    programme = open_shop(worth_minor=1)
    sell(30)
    join("alice", programme)
    for number, minor in enumerate((400, 450, 500, 600, 700, 100, 100, 100, 100, 100)):
        tell(f"alice-{number}", goods("1", minor), placed_at=day(-1), who="alice")

    answer = encore("forecast", "--step", "4.50", "--bonus", 30)

    assert said_of(answer, "Orders by members") == "25 % read: orders by members: 10"
    assert said_of(answer, "Orders over the step").startswith("40 % read")


def test_the_limit_is_said_and_so_is_what_exceeds_it():
    costs = ("--lifetime-value", "120", "--acquisition-cost")

    within, careful, over = (encore("forecast", *SHOP, *costs, cost) for cost in ("20", "73", "77.99"))

    assert "€58.00 is left to give: 48.3 %." in within.said
    assert "This programme promises €6.00 and likely gives €4.20. That is within the limit." in within.said
    assert "Careful: it is too much if members use all their points." in careful.said
    assert "That is too much: every such customer costs more than they bring." in over.said
    assert "Not known. Give --acquisition-cost" in encore("forecast", *SHOP).said


def test_what_customers_bought_so_far_stands_for_their_lifetime():
    open_shop(worth_minor=1)
    sell(40, cost_minor=175)

    answer = encore("forecast", "--acquisition-cost", "10")

    assert said_of(answer, "Lifetime value") == (
        "€140.00 read: bought so far, on average; known customers: 1, too few to tell"
    )
    assert said_of(answer, "Customers who buy twice") == "100 % read: known customers: 1"
    assert "€60.00 is left to give: 42.9 %." in answer.said


@pytest.mark.parametrize(
    ("terms", "months", "note"),
    [
        ({"expiry_months": 24}, 24, ""),
        ({"never_ending": True}, "never", ""),
        ({"by_inactivity": True}, 12, "as if members did nothing meanwhile"),
        ({"expiry_kind": "calendar_day"}, 18, "half a year more than the least, on average"),
    ],
)
def test_the_end_of_points_is_the_programmes(terms, months, note):
    programme = ProgrammeFactory(complete=True, worth_points=100, worth_minor=50)
    programme.lot_terms.all().delete()
    LotTermsFactory(programme=programme, **terms)

    result = encore("forecast", "--average-order", "3.50", "--orders", 4000, "--json").result

    assert result["forecast"]["assumed"]["expiry_months"] == months
    assert result["origins"]["expiry_months"] == {"source": "programme", "note": note}


def test_odd_shops_are_told_never_and_not_a_crash():
    odd = (*SHOP, "--margin", 3, "--members", 0, "--expiry", "never", "--target", 9, "--reward", 5)

    answer = encore("forecast", *odd, "--step", "4.50", "--bonus", 300, "--over-already", 20)

    assert answer.code == 0
    assert said_of(answer, "Break-even").startswith("never: the discount takes all that the goods leave")
    assert "Members alone never lift the average to €9.00: they place no orders." in answer.said
    assert said_of(answer, "Levels off at") == "never"
    assert "Each order that grows from €3.50 to €4.50 costs €1.05 after rewards." in answer.said
    assert "It never pays: each of them costs." in answer.said
    assert said_of(encore("forecast", *SHOP, "--points", 0, "--reward", 5), "First reward") == (
        "never: orders bring no points"
    )


def test_other_earn_rates_are_compared_as_asked():
    answer = encore("forecast", *SHOP, "--compare", "7.5", "--compare", 12)

    assert said_of(answer, "7.5 points") == "2.63 % likely, €147 a month"
    assert said_of(answer, "12 points") == "4.2 % likely, €235 a month"
    assert "20 points" not in answer.said


def test_a_forecast_of_a_programme_that_gives_much_compares_only_what_can_be():
    result = encore("forecast", *SHOP, "--worth", "6", "--json").result

    assert [Decimal(other["points_per_unit"]) for other in result["compare"]] == [5, 10, 15]


def test_a_currency_without_hundredths_is_written_without():
    yen = ("--currency", "JPY", "--average-order", 350, "--points", "0.1", "--worth", 50)

    answer = encore("forecast", *SHOP, *yen)

    assert "A customer who spends ¥100 gets 10 points, worth ¥5." in answer.said
    assert said_of(answer, "Break-even") == "members spend ¥370, not ¥350 (+5.7 %)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is no programme yet, and no channel either."),
        (("--currency", "EUR"), "no purchases to read the average order from. Give --average-order."),
        (("--currency", "EUR", "--average-order", 5), "read the number of orders from. Give --orders."),
        (("--currency", "EURO"), "There is no currency 'EURO'. Write its three letters, such as EUR."),
        ((*SHOP, "--programme", "club"), "There is no programme 'club'."),
        ((*SHOP, "--average-order", "3.505"), "--average-order is 3.505, and EUR has 2 decimals."),
        ((*SHOP, "--step", "4.50"), "A step bonus needs its step and its points."),
        ((*SHOP, "--bonus", 30), "A step bonus needs its step and its points."),
        ((*SHOP, "--step", "4.50", "--bonus", 30), "no purchases to see who is over the step already."),
        ((*SHOP, "--step", "3", "--bonus", 30, "--over-already", 1), "The step is 3.00 EUR. The average"),
        ((*SHOP, "--target", "3.50"), "The target average is 3.50 EUR. The average order is 3.50 EUR."),
        ((*SHOP, "--expiry", 0), "The number of months until points end is 0."),
        ((*SHOP, "--worth", "11"), "The promised discount is 110 %."),
        ((*SHOP, "--compare", 1000), "The promised discount is 500 %."),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused_with_the_fix(arguments, message):
    answer = encore("forecast", *arguments)

    assert (answer.code, answer.said) == (2, "")
    assert message in answer.complained


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--average-order", text) for text in ("3,50", "-1", "1e3", "nan", "inf", "€3", "", "٣")),
        *(("--members", text) for text in ("100.1", "40%", "-1")),
        *(("--orders", text) for text in ("1.5", "1e9", "true", "9" * 13)),
        *(("--days", text) for text in ("0", "3661", "ten")),
        ("--expiry", "soon"),
        ("--points", "1/3"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(option, text):
    with pytest.raises(CommandError, match=f"argument {option}"):
        encore("forecast", f"{option}={text}")


def test_with_two_programmes_one_must_be_named():
    ProgrammeFactory(complete=True, key="club", worth_points=100, worth_minor=50)
    ProgrammeFactory(complete=True, key="staff", currency="NOK", worth_points=100, worth_minor=50)
    shop = ("--average-order", "3.50", "--orders", 4000)

    unnamed = encore("forecast", *shop)

    assert unnamed.code == 2
    assert "There are 2 programmes: club, staff. Say which with --programme." in unnamed.complained
    assert encore("forecast", *shop, "--programme", "staff", "--json").result["programme"] == "staff"
    misread = encore("forecast", *shop, "--programme", "staff", "--currency", "EUR")
    assert "--currency is 'EUR', and the programme 'staff' counts in NOK." in misread.complained


def test_cost_prices_above_what_goods_sell_for_are_refused_as_a_mistake():
    open_shop(worth_minor=1)
    sell(cost_minor=400)

    answer = encore("forecast")

    assert answer.code == 2
    assert (
        "goods cost more than they are sold for. Correct the cost prices, or give --margin."
        in answer.complained
    )
    assert encore("forecast", "--margin", 10).code == 0


def test_a_forecast_changes_nothing(django_assert_num_queries):
    open_shop(worth_minor=1)
    sell(3)
    before = [list(model.objects.order_by("pk").values()) for model in (Programme, Purchase, Award)]

    # Two of them before every verb: whether the database has our tables.
    with django_assert_num_queries(8) as asked:
        encore("forecast")

    assert {query["sql"].split()[0] for query in asked.captured_queries} <= {"SELECT", "WITH"}
    assert [list(model.objects.order_by("pk").values()) for model in (Programme, Purchase, Award)] == before
