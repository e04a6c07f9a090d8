"""A stand-in for the remove-background API: it answers as the real one does, and it is not the real one.

Alone, from a shell: `python -m local.api --help`. In a test:

    from local.api.stand_in import StandIn

    with StandIn(profile="ezlink") as api:
        api.fault("internal_error", times=2)
        ...                                  # your client talks to api.base_url with api.key
        assert api.summary()["paid_calls"] == 1

Two profiles: `stability`, the API at its maker, and `ezlink`, the gateway in front of it. They differ in
headers, in the shapes of their errors, in how they take the key and in the order of their checks;
`profiles.py` and `errors.py` say how.

While it runs, `python -m local.api fault internal_error --times 2` lets it fail; `fault --help` says more.

The control plane, for programs that cannot call Python, stands on the same port (JSON in, JSON out):

    GET    /_stand_in/faults    every fault it knows, and the switches that are on
    POST   /_stand_in/faults    {"fault": name, "times": n or null, "probability": p, "picture_sha256": hex,
                                "seconds": s}; left out: once, surely, any picture, the fault's own duration
    DELETE /_stand_in/faults    all switches off
    GET    /_stand_in/calls     every call so far, in order of arrival
    DELETE /_stand_in/calls     forget them
    GET    /_stand_in/summary   how many calls, how many paid, the busiest window of each key, credits left
    POST   /_stand_in/keys      {"key": "...", "credits": n or null (no end), "state": "valid", "revoked" or
                                "banned"}
    GET    /_stand_in/config    how it behaves now
    PATCH  /_stand_in/config    any of latency_seconds, credits_per_image, window_requests, window_seconds,
                                lockout_seconds, segmentation

Reading order: `service.py` (what happens to a call), `profiles.py`, `faults.py` (the table tests loop over),
`server.py`.
"""
