"""Found before the setuptools of the environment, if there is one; see `build_meta.py`."""
