"""The past of the demo's shop, before anything is stored."""

from datetime import date

from config.demo.history import make_days

WEEK = {"seed": 7, "last_day": date(2026, 3, 31), "days": 60, "buyers": 40, "orders_a_day": 6.0}


def test_the_same_seed_tells_the_same_past():
    first = [(sale.reference, sale.placed_at) for day in make_days(**WEEK) for sale in day.placed]
    second = [(sale.reference, sale.placed_at) for day in make_days(**WEEK) for sale in day.placed]

    assert first == second


def test_another_seed_tells_another_past():
    first = [sale.placed_at for day in make_days(**WEEK) for sale in day.placed]
    second = [sale.placed_at for day in make_days(**(WEEK | {"seed": 8})) for sale in day.placed]

    assert first != second


def test_days_come_in_order_and_end_with_the_last():
    days = [day.on for day in make_days(**WEEK)]

    assert days == sorted(days)
    assert (len(days), days[-1]) == (60, date(2026, 3, 31))


def test_guests_members_returns_and_cancellations_all_occur():
    sales = [sale for day in make_days(**WEEK) for sale in day.placed]

    assert any(sale.buyer is None for sale in sales)
    assert any(sale.buyer is not None and sale.buyer.joins for sale in sales)
    assert any(sale.returned_on for sale in sales)
    assert any(sale.cancelled_on for sale in sales)
