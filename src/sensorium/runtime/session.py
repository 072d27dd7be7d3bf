"""Session: runs a graph. Named arrays in, named arrays out."""

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class Session(Protocol):
    """ONNX Runtime or torch behind one call; safe to call from several threads."""

    @property
    def inputs(self) -> tuple[str, ...]: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        """Every output by name. Axis 0 of every array is the batch."""
        ...
