"""The shelf of tasks: one file is one thing that a person asks."""

from sensorium.shelf import Shelf
from sensorium.task import Task, task_of

TASKS: Shelf[Task] = Shelf("sensorium.tasks", task_of)
