"""PFLD: 68 points of a face (Guo et al., arXiv 1902.10859), as ONNX files of its PyTorch versions.

Takes a file with `pfld` in its name, RGB of 112 x 112 from 0 to 1, with an output of 136 numbers a
face: x and y of each point in shares of what was cut out. Files that give 98 points (WFLW) or 106
are refused: their points are others.
"""

from collections.abc import Sequence

import numpy as np

from sensorium.errors import InputError
from sensorium.models._faces import graph_file
from sensorium.models._see_faces import corner_of, cut_square
from sensorium.roles import Face, FaceLandmarker, Floats, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.onnx import OnnxSession
from sensorium.signal.image import Resample, normalise, resize

ROLES = (FaceLandmarker,)
MARKERS = ("*pfld*.onnx", "*PFLD*.onnx")

_SIDE, _POINTS = 112, 68
_AROUND = 1.2  # of the longer side of a box from brow to chin: how it was cut out in training


def load(checkpoint: Checkpoint, device: Device) -> "PfldLandmarker":
    return PfldLandmarker(checkpoint, device)


class PfldLandmarker:
    """See `roles.FaceLandmarker`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        self.provenance = checkpoint.provenance
        self._session = OnnxSession(graph_file(checkpoint, MARKERS), device)
        self._output = self._points()

    def _points(self) -> str:
        """The output that holds the points; such graphs often give features beside it."""
        shapes = self._session.output_shapes
        sizes = {name: _numbers(shape) for name, shape in shapes.items()}
        fits = [name for name, size in sizes.items() if size == 2 * _POINTS]
        if len(self._session.inputs) == 1 and fits:
            return fits[0]
        told = ", ".join(f"{name} of {size or 'any number'}" for name, size in sizes.items())
        raise InputError(
            f"{self._session.path} cannot be used",
            why=f"68 points are 136 numbers a face, and it gives {told}",
            hint="a PFLD of 68 points (iBUG 300-W)",
        )

    def place_points(self, picture: Pixels, faces: Sequence[Face]) -> Floats:
        if not faces:
            return np.zeros((0, _POINTS, 2), np.float32)
        black, white = np.zeros(3, np.float32), np.ones(3, np.float32)
        cuts = [cut_square(picture, face, _AROUND, 0.0) for face in faces]
        small = (resize(cut, _SIDE, _SIDE, Resample.BILINEAR) for cut in cuts)
        pixels = np.stack([normalise(one, black, white) for one in small])
        told = self._session.run({self._session.inputs[0]: pixels})[self._output]
        sides = np.array([len(cut) for cut in cuts], np.float32)
        pairs = zip(faces, cuts, strict=True)
        corners = np.array([corner_of(face, len(cut)) for face, cut in pairs], np.float32)
        points = told.reshape(len(faces), _POINTS, 2) * sides[:, None, None] + corners[:, None]
        placed: Floats = points.astype(np.float32)
        return placed


def _numbers(shape: tuple[int | str | None, ...]) -> int:
    """How many numbers a row holds, 0 where the graph leaves it open."""
    sides = shape[1:]
    if not sides or not all(isinstance(side, int) for side in sides):
        return 0
    return int(np.prod([side for side in sides if isinstance(side, int)]))
