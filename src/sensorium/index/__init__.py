"""What was seen, kept."""

from sensorium.index.index import Index, LibraryInfo, ModelInfo, libraries, remove_library
from sensorium.index.item import Entry, State
from sensorium.index.query import Query

__all__ = [
    "Entry",
    "Index",
    "LibraryInfo",
    "ModelInfo",
    "Query",
    "State",
    "libraries",
    "remove_library",
]
