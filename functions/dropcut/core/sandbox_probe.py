"""The event that asks the prepare function what holds its decoders: `dropcut sandbox-probe` sends it."""

SANDBOX_PROBE = {"dropcut": "sandbox_probe"}
