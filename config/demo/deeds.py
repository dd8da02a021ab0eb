"""What the demo's members do besides buying, and what it brings them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from backstage.policies import By
from config.demo.history import Sale
from loyalty.models import Programme
from loyalty.operations.action_rules import create_action_rule, switch_on_action_rule
from loyalty.operations.actions import Action, record_actions

# name, kind, key of an event, terms
RULES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("Birthday", "birthday", "", {"points": 150}),
    ("Review", "review", "", {"points": 20, "cap_times": 2, "cap_period": "month"}),
    ("Newsletter", "newsletter", "", {"points": 30, "cap_times": 1, "cap_period": "ever"}),
    ("Tasting evening", "event", "beans-tasting", {"points": 50, "cap_times": 1, "cap_period": "week"}),
)


def reward_deeds(programme: Programme, *, at: datetime, by: By) -> None:
    """Switch on what brings points besides buying."""
    for name, kind, event, terms in RULES:
        rule = create_action_rule(
            programme_id=programme.id, name=name, kind=kind, event=event, terms=terms, at=at, by=by
        )
        switch_on_action_rule(rule_id=rule.id, at=at, by=by)


def birth_date_of(number: int, today: date) -> date:
    """Make up when somebody was born; the member whom the demo signs in has her birthday next week."""
    random = Random(number)  # noqa: S311 (a story, not a secret)
    coming = today + timedelta(days=6 if number == 1 else random.randrange(365))
    return coming.replace(year=coming.year - random.randint(20, 70), day=min(coming.day, 28))


def tell_deeds(
    programme: Programme, placed: Iterable[tuple[Sale, int]], *, joined: Iterable[int], at: datetime, by: By
) -> None:
    """Tell of the day's reviews, of news that new members asked for, and of whoever came to taste.

    `placed` are the day's orders with their customers, `joined` the customers who became members.
    """
    news = [Action(kind="newsletter", source=f"news-{who}", customer_id=who) for who in joined if who % 3]
    told = [deed for sale, who in placed for deed in _after(sale, who)]
    record_actions(programme_id=programme.id, actions=[*news, *told], at=at, by=by)


def _after(sale: Sale, customer_id: int) -> list[Action]:
    chance = Random(sale.reference).random()  # noqa: S311
    if chance < 0.12:
        return [Action(kind="review", source=f"review-{sale.reference}", customer_id=customer_id)]
    if sale.channel == "store" and chance > 0.95:
        source = f"tasting-{sale.reference}"
        return [Action(kind="event", event="beans-tasting", source=source, customer_id=customer_id)]
    return []
