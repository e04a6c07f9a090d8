"""The fault switches that are on, and which of them a call meets."""

import threading
from dataclasses import dataclass
from random import Random

from stand_in.faults import FAULTS, Fault, faults_of
from stand_in.profiles import ProfileName


class BadSwitchError(ValueError):
    """A switch that cannot be set; the argument says why and what there is."""


@dataclass
class Switch:
    """`times` None: until switched off.

    `picture_sha256` None: any picture. `seconds` None: the fault's own.
    """

    fault: Fault
    times: int | None = 1
    probability: float = 1.0
    picture_sha256: str | None = None
    seconds: float | None = None

    def duration_seconds(self) -> float:
        """How long the fault takes where it takes time."""
        return self.fault.seconds if self.seconds is None else self.seconds


class Switches:
    """In the order in which they were set: a call meets the first that fits. Safe for threads."""

    def __init__(self, profile: ProfileName) -> None:
        self._profile = profile
        self._switches: list[Switch] = []
        self._rng = Random(0)  # noqa: S311 - no secret; the same run shows the same faults
        self._lock = threading.Lock()

    def set(
        self,
        name: str,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        picture_sha256: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Raises BadSwitchError for a fault this profile does not have, or a number outside its range."""
        if name not in FAULTS or self._profile not in FAULTS[name].profiles:
            known = ", ".join(fault.name for fault in faults_of(self._profile))
            raise BadSwitchError(f"The profile {self._profile} has no fault {name!r}; it has: {known}.")
        if times is not None and times < 1:
            raise BadSwitchError(f"`times` is {times}; it must be 1 or more, or null for always.")
        if not 0 < probability <= 1:
            raise BadSwitchError(f"`probability` is {probability}; it must be over 0 and at most 1.")
        if seconds is not None and seconds < 0:
            raise BadSwitchError(f"`seconds` is {seconds}; it must be 0 or more.")
        with self._lock:
            self._switches.append(Switch(FAULTS[name], times, probability, picture_sha256, seconds))

    def clear(self) -> None:
        """All off."""
        with self._lock:
            self._switches.clear()

    def all_on(self) -> list[Switch]:
        """The switches that are on, oldest first."""
        with self._lock:
            return list(self._switches)

    def meet(self, picture_sha256: str | None) -> Switch | None:
        """The switch this call runs into, if any, counted as used."""
        with self._lock:
            for switch in self._switches:
                fits = switch.picture_sha256 in (None, picture_sha256)
                if fits and self._rng.random() < switch.probability:
                    self._use_up(switch)
                    return switch
        return None

    def _use_up(self, switch: Switch) -> None:
        if switch.times is not None:
            switch.times -= 1
            if switch.times == 0:
                self._switches.remove(switch)
