"""Three hours of a deployment, made up: a burst of 20,000 photos, and six minutes in which the API fails."""

import math
import random
from collections.abc import Mapping, Sequence

Series = Sequence[float]
"""A value for each minute, or for each hour."""
MINUTES = 180
LOGGED = (
    ("11:12:40", "ERROR", "dropcut-cut", "The photo failed: HTTP 500 at each of 5 attempts.", "shop/mug.jpg"),
    ("11:06:02", "ERROR", "dropcut-cut", "Spending is paused: 20 different pictures failed.", "shop/lamp.heic"),
)
_BURST, _OUTAGE = range(50, 60), range(126, 132)
_LIMIT = 876
"""Calls a minute: 97.3 % of 150 in ten seconds."""


def example_data() -> Mapping[str, Series]:
    """By a metric's label, behind its widget's title where labels are the same."""
    chance = random.Random(4)
    came = [2000 + chance.randint(-80, 80) if t in _BURST else 120 + chance.randint(-25, 25) for t in range(MINUTES)]
    waiting, done = _queue(came, chance)
    hours = [sum(done[hour : hour + 60]) for hour in range(0, MINUTES, 60)]
    return {
        **_photos(came, done),
        **_backlog(came, waiting, done),
        **_api(waiting, done, chance),
        "credits spent per hour": [1.94 * each for each in hours],
        "credits saved: paid before": [0.06 * each for each in hours],
        "calls possibly paid in vain": [0, 0, 2],
        "doubtful, percent of the cut-outs": [2.1, 2.4, 1.9],
    }


def _queue(came: Series, chance: random.Random) -> tuple[Series, Series]:
    """How many wait at the end of each minute, and how many were cut out in it."""
    waiting, done, left = [], [], 0.0
    for t, new in enumerate(came):
        most = 0.0 if t in _OUTAGE else (_LIMIT + chance.randint(-6, 0)) / 0.97
        done.append(min(left + 0.97 * new, most))
        left += 0.97 * new - done[-1]
        waiting.append(left)
    return waiting, done


def _photos(came: Series, done: Series) -> Mapping[str, Series]:
    return {
        "came": came,
        "paid": [0.97 * each for each in done],
        "paid before": [0.03 * each for each in done],
        "credits": [1.94 * each for each in done],
        "delivered": [0, *done[:-1]],
        "rejected": [0.02 * new for new in came],
        "skipped": [0.01 * new for new in came],
        "failed": [float(t == _OUTAGE.stop) for t in range(MINUTES)],
        "dead letters": _from(_OUTAGE.stop),
        "Dead letters/cut": _from(_OUTAGE.stop),
        "new, by the functions": [float(t == _OUTAGE.stop) for t in range(MINUTES)],
    }


def _backlog(came: Series, waiting: Series, done: Series) -> Mapping[str, Series]:
    oldest = [queue / _LIMIT * 60 for queue in waiting]
    minutes = [queue / each if each else 0 for queue, each in zip(waiting, done, strict=True)]
    return {
        "waiting for the API": waiting,
        "at the API, or deferred": [min(each, 70) for each in waiting],
        "Waiting, by stage/prepare": [600 if t in _BURST else new / 30 for t, new in enumerate(came)],
        "Waiting, by stage/cut": waiting,
        "Waiting, by stage/deliver": [each / 25 for each in done],
        "oldest picture (s)": oldest,
        "at the present pace (minutes)": minutes,
        "at the API's limit (minutes)": [queue / 900 for queue in waiting],
        "From upload to output (s)/p50": [2.6 + each for each in oldest],
        "From upload to output (s)/p95": [3.9 + 1.04 * each for each in oldest],
        "From upload to output (s)/Maximum": [5.2 + 1.07 * each for each in oldest],
    }


def _api(waiting: Series, done: Series, chance: random.Random) -> Mapping[str, Series]:
    minutes = range(MINUTES)
    slow = [1150 + 90 * math.sin(t / 9) + chance.randint(-60, 60) + (2500 if t in _OUTAGE else 0) for t in minutes]
    return {
        "The API's time (ms), and calls per minute/p50": [0.62 * each for each in slow],
        "The API's time (ms), and calls per minute/p95": slow,
        "The API's time (ms), and calls per minute/Maximum": [1.5 * each for each in slow],
        "calls": [0.975 * each + (3 if t in _OUTAGE else 0) for t, each in enumerate(done)],
        "calls to be repeated": [9.0 if t in _OUTAGE[:2] else float(chance.random() < 0.08) for t in minutes],
        "deferred": [40 + chance.randint(-9, 9) if waiting[t] > _LIMIT else 0 for t in minutes],
        "pauses": [float(t == _OUTAGE[1]) for t in minutes],
    }


def _from(minute: int) -> Series:
    return [float(t >= minute) for t in range(MINUTES)]
