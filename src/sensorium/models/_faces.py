"""What detectors of faces from elsewhere share: one ONNX file in a folder, its names checked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.roles import Face, Floats
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.boxes import keep_best


def graph(
    checkpoint: Checkpoint, device: Device, markers: Sequence[str], outputs: Sequence[str]
) -> OnnxSession:
    """The first file that fits a marker, in full precision where there are several. Raises
    InputError where the graph has not the one input and these outputs."""
    path = graph_file(checkpoint, markers)
    session = OnnxSession(path, device)
    missing = [name for name in outputs if name not in session.outputs]
    if missing or len(session.inputs) != 1:
        raise InputError(
            f"{path} cannot be used",
            why=f"it gives {', '.join(session.outputs)}, and needed are {', '.join(outputs)}",
        )
    return session


def graph_file(checkpoint: Checkpoint, markers: Sequence[str]) -> Path:
    found = {path for marker in markers for path in checkpoint.folder.glob(marker)}
    ranked = sorted(found, key=lambda path: ("int8" in path.name, len(path.name), path.name))
    if not ranked:
        raise InputError(f"{checkpoint.spec} has no {markers[0]}", f"in {checkpoint.folder}")
    return ranked[0]


def free_or(side: int | str | None, otherwise: int) -> int:
    """The side of an input where the graph fixes it."""
    return side if isinstance(side, int) and side > 0 else otherwise


def ranked(
    xyxy: NDArray[np.floating], scores: Floats, points: NDArray[np.floating] | None, overlap: float
) -> tuple[Face, ...]:
    """Boxes (n, 4), scores (n,) and points (n, 5, 2) as faces, of those that overlap by more than
    `overlap` (IoU) the surest."""
    return tuple(
        Face(
            tuple(xyxy[at].tolist()),
            float(scores[at]),
            None if points is None else tuple((float(x), float(y)) for x, y in points[at]),
        )
        for at in keep_best(xyxy, scores, overlap)
    )
