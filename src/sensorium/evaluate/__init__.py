"""The shelf of evaluations: one file measures one thing on a data file of the user's own.

An evaluation is a task whose item is a Table: the same decorator reads its options and its model
off the signature, `EVALUATIONS["search"](path)` gives its report, and `.stream(path)` gives
`Progress` and `Failed` events (a row that was left out, and why) before it.

    @task(example=["--data", "photos.parquet"])
    def search(data: Table, *, lang: Lang | None = None, model: DualTower = use("dual-tower")
    ) -> Generator[Event, None, SearchReport]:
"""

from sensorium.evaluate._table import Row, Table
from sensorium.shelf import Shelf
from sensorium.task import Task, task_of

EVALUATIONS: Shelf[Task] = Shelf("sensorium.evaluate", task_of)

__all__ = ["EVALUATIONS", "Row", "Table"]
