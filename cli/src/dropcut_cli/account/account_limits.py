"""Looks at what an account's Lambda allows before a deployment, and makes numbers smaller that would not fit.

A new account may run ten functions at once, and give one 3,008 MB.
"""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from dropcut_cdk.sizes import megapixels_that_fit, size_of_deliver, size_of_prepare
from dropcut_cli.account.real_account import RealAccount
from dropcut_cli.clone.steps import Steps
from dropcut_cli.doctor import GATEKEEPER_AT_ONCE, memory_limit_mb
from infra.settings import Settings

LARGEST_MEMORY_MB_OF_NEW_ACCOUNTS = 3008
LEAST_AT_ONCE = 2
"""Of an event source, by Lambda's rules."""
_NOTIFY_AT_ONCE = 2
_ASK_FOR_MORE = "Service Quotas, Lambda, in the console is where to ask for more; then deploy again."


def with_numbers_that_fit(account: RealAccount, given: Mapping[str, str], steps: Steps) -> dict[str, str]:
    """The settings, with smaller numbers where the account would not allow those; each is said.

    What may not be looked at is taken to fit, since who deploys needs no right to look.
    """
    settings = Settings.from_context(given)
    smaller = {**_concurrency_that_fits(account, settings, steps), **_megapixels_that_fit(account, settings, steps)}
    return {**given, **{name: str(value) for name, value in smaller.items()}}


def _concurrency_that_fits(account: RealAccount, settings: Settings, steps: Steps) -> dict[str, int]:
    try:
        limits = account.client("lambda").get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        steps.say(f"How many functions this account may run at once could not be looked at: {error}")
        return {}
    free = int(limits["UnreservedConcurrentExecutions"])
    others = GATEKEEPER_AT_ONCE + (_NOTIFY_AT_ONCE if settings.webhook_url else 0)
    needed = settings.max_concurrency + 2 * settings.imaging_concurrency + others
    if needed <= free:
        return {}
    share = max(LEAST_AT_ONCE, (free - others) // 3)
    fitting = {
        "max_concurrency": min(settings.max_concurrency, share),
        "imaging_concurrency": min(settings.imaging_concurrency, share),
    }
    chosen = " and ".join(f"{name}={value}" for name, value in fitting.items())
    steps.say(
        f"This account may run {free} more functions at once here, and these settings ask for {needed}. It is deployed "
        f"with {chosen}: photos take longer, and none is lost. {_ASK_FOR_MORE}"
    )
    return fitting


def _megapixels_that_fit(account: RealAccount, settings: Settings, steps: Steps) -> dict[str, int]:
    sizes = size_of_prepare(settings), size_of_deliver(settings, settings.renditions_made)
    needed = max(size.memory_mb for size in sizes)
    if needed <= LARGEST_MEMORY_MB_OF_NEW_ACCOUNTS:
        return {}
    asks = f"Photos of {settings.max_photo_megapixels:g} megapixels need functions of {needed:,} MB"
    try:
        limit = memory_limit_mb(account.client("service-quotas"))
    except (BotoCoreError, ClientError):
        limit = None
    if limit is None:
        fitting = megapixels_that_fit(LARGEST_MEMORY_MB_OF_NEW_ACCOUNTS)
        steps.say(
            f"{asks}. A new account allows {LARGEST_MEMORY_MB_OF_NEW_ACCOUNTS:,}, and what this one allows could not "
            f"be looked at. If AWS refuses it, deploy with max_photo_megapixels={fitting}."
        )
        return {}
    if needed <= limit:
        return {}
    fitting = megapixels_that_fit(limit)
    steps.say(
        f"{asks}, and this account allows {limit:,}. It is deployed with max_photo_megapixels={fitting}: larger photos "
        f"are rejected. {_ASK_FOR_MORE}"
    )
    return {"max_photo_megapixels": fitting}
