"""Getting a model to run."""

import os

# ONNX Runtime reports what it runs from its import on, and keeps an id of the machine at home; only
# its environment, read at that import, keeps it from both.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
