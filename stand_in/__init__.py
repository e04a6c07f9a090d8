"""A stand-in for the remove-background API: it answers as the real one does, and it is not the real one.

From a shell: `python -m stand_in --help`. In a test:

    from stand_in import StandIn

    with StandIn(profile="ezlink") as api:
        api.fault("internal_error", times=2)
        ...                                  # your client talks to api.base_url with api.key
        assert api.summary()["paid_calls"] == 1

With pytest, the fixture `dropcut_stand_in` is such a server. `docs/stand-in.md` has the rest: the two profiles, the
faults, and the control plane for programs that cannot call Python.

Reading order: `service.py` (what happens to a call), `profiles.py`, `faults.py` (the table that tests loop over),
`server.py`.
"""

from stand_in.stand_in import USUAL_KEY, StandIn

__all__ = ["USUAL_KEY", "StandIn"]
