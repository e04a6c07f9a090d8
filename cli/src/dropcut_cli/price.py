"""What photos will cost and how long they take, from the settings as they are deployed."""

from typing import Any

from dropcut_cli.deployment import Deployment
from dropcut_cli.output import amount, counted, for_people

DOLLARS_A_CREDIT = {"stability": 0.01}
"""The maker's list price. The gateway's depends on the plan: nothing is said about it unless the operator does."""


def price(
    deployment: Deployment, photos: int, dollars_a_credit: float | None = None, *, part_of_the_day: float = 1.0
) -> dict[str, Any]:
    """Credits, US dollars (None when a credit's price is unknown), seconds at the full pace, and days of the limit.

    Args:
        part_of_the_day: of the daily limit, that these photos may use up.
    """
    from dropcut.core.pace import Pace

    setting, each = deployment.limits, dollars_a_credit
    credits = photos * setting["credits_per_image"]
    if each is None:
        each = DOLLARS_A_CREDIT.get(deployment.setting("Cut", "PROVIDER"))
    pace = Pace.under(limit_requests=int(setting["rate_limit_requests"]), limit_seconds=setting["rate_limit_seconds"])
    limit = setting["daily_credit_limit"]
    return {
        "photos": photos,
        "credits": credits,
        "dollars": None if each is None else round(credits * each, 2),
        "seconds": round(photos * pace.interval_seconds, 1),
        "days_of_the_limit": round(credits / (part_of_the_day * limit), 2) if limit else None,
    }


def in_words(cost: dict[str, Any]) -> str:
    dollars = "" if cost["dollars"] is None else f" ({cost['dollars']:,.2f} $)"
    days = cost["days_of_the_limit"]
    limit = f"; the daily limit makes that {amount(days)} days" if days and days > 1 else ""
    most = f"{counted(cost['photos'], 'photo')}: at most {amount(cost['credits'])} credits{dollars}"
    return f"{most}, {for_people(cost['seconds'])} at the pace{limit}"
