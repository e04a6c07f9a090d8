"""Dropcut: drop a photo into a bucket, get its cut-out in another."""

RELEASE = "1.0.0"
"""The version of all of it, here alone: `dropcut --version`, the events, the API's calls and the wheels show it."""
