"""The shelf of tasks: one file is one thing that a person asks. Names cost no import."""

from types import ModuleType
from typing import TYPE_CHECKING

from sensorium.shelf import Shelf

if TYPE_CHECKING:
    from sensorium.task import Task


def _take(module: ModuleType) -> "Task":
    from sensorium.task import task_of

    return task_of(module)


TASKS: "Shelf[Task]" = Shelf("sensorium.tasks", _take)
