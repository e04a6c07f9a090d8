"""The whole system on one machine: the embedded AWS, the stand-in API, the demo, and the commands behind `make`.

Read `system.py` first: it brings everything up in the order in which a customer would.
"""
