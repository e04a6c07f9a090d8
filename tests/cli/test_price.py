"""What photos cost at most, by the settings as they are deployed."""

import pytest

from dropcut_cli.price import in_words, price


class Deployed:
    """A deployment's settings."""

    def __init__(self, *, provider: str = "stability", daily_credit_limit: float = 0) -> None:
        self.provider = provider
        self.limits = {
            "credits_per_image": 2.0,
            "rate_limit_requests": 150.0,
            "rate_limit_seconds": 10.0,
            "daily_credit_limit": daily_credit_limit,
        }

    def setting(self, queue: str, name: str) -> str:
        assert (queue, name) == ("Cut", "PROVIDER")
        return self.provider


@pytest.mark.parametrize(
    ("provider", "given", "dollars"),
    [("stability", None, 20.0), ("ezlink", None, None), ("ezlink", 0.005, 10.0), ("stability", 0.0, 0.0)],
)
def test_dollars_are_the_makers_list_price_or_what_the_operator_says(
    provider: str, given: float | None, dollars: float | None
) -> None:
    cost = price(Deployed(provider=provider), 1000, given)
    assert (cost["credits"], cost["dollars"]) == (2000, dollars)


def test_the_pace_is_that_of_the_rate_limit() -> None:
    seconds = price(Deployed(), 1500)["seconds"]
    assert 100 <= seconds < 110  # 150 in 10 s, and a little slower to be within it


def test_more_than_a_days_limit_is_said_in_days() -> None:
    cost = price(Deployed(daily_credit_limit=500), 1000)
    assert cost["days_of_the_limit"] == 4
    assert "the daily limit makes that 4 days" in in_words(cost)
    assert "days" not in in_words(price(Deployed(daily_credit_limit=500), 100))


@pytest.mark.parametrize(
    ("photos", "limit", "said"),
    [(1_000_000, 500, "2,000,000 credits"), (1_000_000, 0.5, "4,000,000 days"), (1, 0.8, "2.5 days")],
)
def test_large_sums_are_said_in_full(photos: int, limit: float, said: str) -> None:
    assert said in in_words(price(Deployed(daily_credit_limit=limit), photos))
