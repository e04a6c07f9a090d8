"""Speed, size and cost, each measured against a baseline in the same run: `python -m bench --help`."""
