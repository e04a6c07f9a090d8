"""A receiver's 410 turns webhooks off for that receiver alone."""

from dropcut.core.webhook_switch import Switch, disabled


def test_webhooks_are_off_for_the_receiver_that_turned_them_off() -> None:
    off = Switch(receiver="r1", off_since=5.0)
    assert off.is_off_for("r1")
    assert not off.is_off_for("r2")
    assert not Switch(receiver="r1").is_off_for("r1")


def test_each_time_they_are_turned_off_is_an_occasion_of_its_own() -> None:
    occasions = {Switch(receiver=receiver, off_since=at).occasion for receiver in ("r1", "r2") for at in (5.0, 6.0)}
    assert len(occasions) == 4


def test_the_event_names_the_receiver() -> None:
    assert "example.com answered 410" in disabled("example.com").reason
