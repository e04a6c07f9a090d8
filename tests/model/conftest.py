"""The functions' logger and metrics read the environment when they are first imported."""

import os

os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Dropcut")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "dropcut-test")
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "true")
