"""The closed set of what a task may give."""

from sensorium.results.boxes import Box, Boxes
from sensorium.results.hits import Hit, Hits, Reason
from sensorium.results.result import SCHEMA_VERSION, Provenance, Result, write_whole
from sensorium.results.scores import Scores
from sensorium.results.timeline import Carrier, Event, Evidence, Grid, Row, Timeline
from sensorium.results.vectors import Vectors

# The checker reads this union: a view that forgets one of them does not type-check.
AnyResult = Hits | Scores | Vectors | Boxes | Timeline

__all__ = [
    "SCHEMA_VERSION",
    "AnyResult",
    "Box",
    "Boxes",
    "Carrier",
    "Event",
    "Evidence",
    "Grid",
    "Hit",
    "Hits",
    "Provenance",
    "Reason",
    "Result",
    "Row",
    "Scores",
    "Timeline",
    "Vectors",
    "write_whole",
]
