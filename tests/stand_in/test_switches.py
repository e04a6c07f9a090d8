"""Which of the switches that are on a call meets."""

import pytest

from stand_in.switches import BadSwitchError, Switches


def met(switches: Switches, *pictures: str | None) -> list[str]:
    """The faults that calls for these pictures meet, one after the other."""
    return [switch.fault.name if (switch := switches.meet(picture)) else "" for picture in pictures]


def test_a_call_meets_the_first_switch_until_that_is_used_up() -> None:
    switches = Switches("ezlink")
    switches.set("internal_error", times=2)
    switches.set("banned", times=None)
    assert met(switches, "a", "b", "c", "d") == ["internal_error", "internal_error", "banned", "banned"]
    switches.clear()
    assert met(switches, "a") == [""]


def test_a_switch_for_one_picture_leaves_the_others_alone() -> None:
    switches = Switches("ezlink")
    switches.set("internal_error", picture_sha256="a")
    assert met(switches, "b", None, "a", "a") == ["", "", "internal_error", ""]


def test_a_probability_lets_some_calls_pass_and_the_same_ones_each_time() -> None:
    runs = []
    for _ in range(2):
        switches = Switches("ezlink")
        switches.set("internal_error", times=None, probability=0.3)
        runs.append(met(switches, *["a"] * 200))
    assert runs[0] == runs[1]
    assert 40 <= runs[0].count("internal_error") <= 80


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nonsense", {}, "it has: "),
        ("internal_error", {"times": 0}, "`times` is 0"),
        ("internal_error", {"probability": 0.0}, "`probability` is 0.0"),
        ("internal_error", {"probability": 1.1}, "`probability` is 1.1"),
        ("internal_error", {"seconds": -1.0}, "`seconds` is -1.0"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(name: str, options: dict[str, float], said: str) -> None:
    with pytest.raises(BadSwitchError, match=said):
        Switches("ezlink").set(name, **options)  # type: ignore[arg-type]
