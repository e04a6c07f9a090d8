"""The pace for real: a minute at the API's limit, as the API sees it."""

import time

from bench.deployed import api, deployed
from bench.full_queue import FullQueue
from bench.report import Report, Table, Target
from stand_in.window import most_in_one_window

LIMIT_REQUESTS = 150
WINDOW_SECONDS = 10.0
SECONDS = 60.0
SETTLING_SECONDS = 3.0
"""After the event source is opened; the processes of the function start meanwhile."""
SPARE_PHOTOS = 150
API_SECONDS = 2.0
LEAST_PART_USED = 0.90


def measure() -> Report:
    """Fill the cut queue with more than a minute's work, open it, and look at the calls of one minute."""
    photos = int((SECONDS + SETTLING_SECONDS) / WINDOW_SECONDS * LIMIT_REQUESTS) + SPARE_PHOTOS
    with deployed({"rate_limit_requests": str(LIMIT_REQUESTS)}) as system:
        api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
        queue = FullQueue(system)
        queue.fill("rate", photos)
        queue.open()
        while not (calls := api(system, "GET", "calls")["calls"]):
            time.sleep(0.1)
        time.sleep(SETTLING_SECONDS + SECONDS + API_SECONDS + 1)  # a call is in the log when it is answered
        calls = api(system, "GET", "calls")["calls"]
    begin = min(call["arrival_seconds"] for call in calls) + SETTLING_SECONDS
    minute = [call for call in calls if begin <= call["arrival_seconds"] < begin + SECONDS]
    refused = sum(call["status"] == 429 for call in calls)
    busiest = most_in_one_window([call["arrival_seconds"] for call in calls], WINDOW_SECONDS)
    wanted = LIMIT_REQUESTS / WINDOW_SECONDS
    per_second = len(minute) / SECONDS
    return Report(
        title="rate: a minute at the limit",
        how=(
            f"{photos:,} prepared pictures lie in the cut queue when its event source is opened; the API answers "
            f"after {API_SECONDS:g} s. The stand-in counts, and locks a key out for 60 s at the first request over "
            f"{LIMIT_REQUESTS} in {WINDOW_SECONDS:g} s. It counts for {SECONDS:g} s, which begin {SETTLING_SECONDS:g} "
            "s after the first call. Deliver's event source is closed meanwhile: on AWS it runs on other processors. "
            "The baseline is the limit itself."
        ),
        tables=[
            Table(
                ["", "calls per second", "busiest window", "answers of 429"],
                [
                    ["the limit", f"{wanted:.2f}", f"{LIMIT_REQUESTS}", "0"],
                    ["cut", f"{per_second:.2f}", f"{busiest}", f"{refused}"],
                ],
            )
        ],
        targets=[
            Target("answers of 429", refused, 0, ""),
            Target("most requests in any window", busiest, LIMIT_REQUESTS, ""),
            Target("part of the limit left unused", 1 - per_second / wanted, 1 - LEAST_PART_USED, ""),
        ],
    )
