"""What a programme would cost and what it must bring, worked out before it is switched on.

One module says what is assumed, one how points owed grow, one puts the figures together. Nothing is read and
nothing is guessed here: whoever asks says where each assumption comes from.
"""

from loyalty.policies.forecast.assumptions import NEVER, Assumptions, ForecastError, Never, Step
from loyalty.policies.forecast.outlook import (
    Comparison,
    Forecast,
    GivingLimit,
    StepEffect,
    compare_earn_rates,
    make_forecast,
)
from loyalty.policies.forecast.owed import OwedMonth
from loyalty.policies.forecast.rounding import nearest

__all__ = [
    "NEVER",
    "Assumptions",
    "Comparison",
    "Forecast",
    "ForecastError",
    "GivingLimit",
    "Never",
    "OwedMonth",
    "Step",
    "StepEffect",
    "compare_earn_rates",
    "make_forecast",
    "nearest",
]
