"""A small storm; the one of 2,000 photos is `python -m bench.storm`."""

from bench.storm import unleash
from tests.end_to_end.conftest import SETTINGS
from tests.end_to_end.dropcut_in_use import DropcutInUse


def test_every_photo_ends_as_it_should_in_a_storm(dropcut: DropcutInUse) -> None:
    """Failures, broken-off calls, lock-outs, and events twice and out of order."""
    aftermath = unleash(dropcut.system, dropcut.api, 60, SETTINGS)
    assert not aftermath.wrong()
    assert aftermath.events_twice
    assert aftermath.counted["ApiRetries"]
