"""Dropcut: drop a photo into a bucket, get its cut-out in another."""

RELEASE = "1.0.0"
"""The version of this code; events and the API are given it."""
