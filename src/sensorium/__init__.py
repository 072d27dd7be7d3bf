"""Sees, hears and reads on your own machine.

    import sensorium as sm

    sm.search("两只狗在草地上奔跑")          # Hits in the library “default”
    sm.match("beach.jpg", ["a beach", "a mountain"])
    with sm.Index("holidays") as index:
        index.add("~/Pictures")

Names are loaded when they are first used; every file in `tasks/` is a function here.
"""

from typing import Any

_NAMES = {
    "Index": "sensorium.index",
    "Query": "sensorium.index",
    "Media": "sensorium.media",
    "Image": "sensorium.media",
    "Video": "sensorium.media",
    "Audio": "sensorium.media",
    "Text": "sensorium.media",
    "Span": "sensorium.media",
    "text": "sensorium.media",
    "Result": "sensorium.results",
    "SensoriumError": "sensorium.errors",
    "__version__": "sensorium.version",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    if name == "train":  # a room of its own: sm.train.run(…)
        return importlib.import_module("sensorium.train")
    if name.startswith("_"):
        raise AttributeError(name)
    from sensorium.tasks import TASKS

    task = name.replace("_", "-")
    if task in TASKS:
        return TASKS[task]
    raise AttributeError(f"sensorium has no {name}")


def __dir__() -> list[str]:
    from sensorium.tasks import TASKS

    return sorted([*_NAMES, "train", *(name.replace("-", "_") for name in TASKS)])
