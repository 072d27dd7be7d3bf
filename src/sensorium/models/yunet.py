"""YuNet: a very small detector of faces with five points (Wu, Peng, Yu, MIR 2023).

Takes the ONNX files of OpenCV's model zoo of 2023 and later (`face_detection_yunet_2023mar.onnx`
and its int8 form), whose outputs are `cls_S`, `obj_S`, `bbox_S` and `kps_S` for the strides 8, 16
and 32. Those of 2021 and 2022 have anchors (`conf`, `iou`, `loc`) and are refused. Its boxes go
from forehead to chin.
"""

from collections.abc import Sequence

import numpy as np

from sensorium.models._faces import free_or, graph, ranked
from sensorium.roles import Face, FaceDetector, Floats, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.image import Resample, resize, within

ROLES = (FaceDetector,)
MARKERS = ("*yunet*.onnx",)

STRIDES = (8, 16, 32)
_PARTS = ("cls", "obj", "bbox", "kps")
_LONGEST = 640  # of a graph that takes any size; faces of 10 to 300 pixels are what it learnt
_SCORE, _OVERLAP = 0.6, 0.3  # OpenCV's demo has 0.9 for one's own face before a camera


def load(checkpoint: Checkpoint, device: Device) -> "YunetFaceDetector":
    return YunetFaceDetector(checkpoint, device)


class YunetFaceDetector:
    """See `roles.FaceDetector`."""

    def __init__(self, checkpoint: Checkpoint, device: Device) -> None:
        self.provenance = checkpoint.provenance
        outputs = [f"{part}_{stride}" for part in _PARTS for stride in STRIDES]
        self._session = graph(checkpoint, device, MARKERS, outputs)
        (self._name,) = self._session.inputs
        *_, self._height, self._width = self._session.input_shapes[self._name]

    def find_faces(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Pixels) -> tuple[Face, ...]:
        rows, columns = picture.shape[:2]
        width, height = within(
            free_or(self._width, _LONGEST), free_or(self._height, _LONGEST), columns, rows
        )
        small = resize(picture, width, height, Resample.BILINEAR)
        down = free_or(self._height, height + -height % 32) - height
        right = free_or(self._width, width + -width % 32) - width
        padded = np.pad(small, ((0, down), (0, right), (0, 0)))
        # BGR, 0 to 255.
        pixels = padded[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        told = decoded(self._session.run({self._name: pixels}), *padded.shape[:2])
        told = told[told[:, 0] >= _SCORE]
        told[:, 1:] *= np.tile(np.array([columns / width, rows / height], np.float32), 7)
        return ranked(told[:, 1:5], told[:, 0], told[:, 5:].reshape(-1, 5, 2), _OVERLAP)


def decoded(outputs: dict[str, Floats], height: int, width: int) -> Floats:
    """The outputs for a picture of these sides → (cells, 15): score, left, top, right, bottom, five
    points, in its pixels."""
    told = []
    for stride in STRIDES:
        chance, thing, box, places = (outputs[f"{part}_{stride}"][0] for part in _PARTS)
        y, x = np.mgrid[: height // stride, : width // stride]
        corner = np.stack([x, y], -1).reshape(-1, 2)
        score = np.sqrt(np.clip(chance, 0, 1) * np.clip(thing, 0, 1))
        middle, half = corner + box[:, :2], np.exp(box[:, 2:]) / 2
        points = places + np.tile(corner, 5)
        told.append(
            np.concatenate([score / stride, middle - half, middle + half, points], 1) * stride
        )
    return np.concatenate(told).astype(np.float32)
