"""YuNet's decoding against a plain reading of OpenCV's, on outputs made at random."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.models.yunet import decoded
from sensorium.roles import FaceDetector

Floats = NDArray[np.float32]
Write = Callable[..., None]
Fed = Callable[[Any], list[dict[str, Any]]]
PARTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def outputs(height: int, width: int, seed: int = 0) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    return {
        f"{part}_{stride}": rng.uniform(-0.2, 1.2, (1, (height // stride) * (width // stride), n))
        .astype(np.float32)
        for stride in (8, 16, 32)
        for part, n in PARTS.items()
    }  # fmt: skip


def plain(told: dict[str, Floats], height: int, width: int) -> list[list[float]]:
    """Cell by cell, as the zoo's own C++ goes."""
    rows = []
    for stride in (8, 16, 32):
        columns = width // stride
        for r in range(height // stride):
            for c in range(columns):
                at = r * columns + c
                chance, thing, box, points = (told[f"{part}_{stride}"][0, at] for part in PARTS)
                score = (min(max(chance[0], 0), 1) * min(max(thing[0], 0), 1)) ** 0.5
                x, y = (c + box[0]) * stride, (r + box[1]) * stride
                w, h = np.exp(box[2]) * stride, np.exp(box[3]) * stride
                row = [score, x - w / 2, y - h / 2, x + w / 2, y + h / 2]
                for k in range(5):
                    row += [(points[2 * k] + c) * stride, (points[2 * k + 1] + r) * stride]
                rows.append(row)
    return rows


@pytest.mark.parametrize(("height", "width"), [(64, 96), (32, 32), (160, 64)])
def test_decoding_is_opencv_s(height: int, width: int) -> None:
    told = outputs(height, width)
    assert decoded(told, height, width) == pytest.approx(np.array(plain(told, height, width)), 1e-5)


def one_face(height: int, width: int, stride: int, row: int, column: int) -> dict[str, Floats]:
    told = {name: np.zeros_like(value) for name, value in outputs(height, width).items()}
    at = row * (width // stride) + column
    told[f"cls_{stride}"][0, at] = told[f"obj_{stride}"][0, at] = 0.9
    told[f"bbox_{stride}"][0, at] = (0.5, 0.5, np.log(2), np.log(3))
    told[f"kps_{stride}"][0, at] = (0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1)
    return told


@pytest.mark.parametrize("free", [False, True])
def test_a_face_is_told_in_pixels_of_the_picture(
    tmp_path: Path, write_graph: Write, free: bool
) -> None:
    """A picture of 1,280 x 640 is looked at half as large; a fixed graph has black below it."""
    side = 640
    height = 320 if free else side
    shape = (1, 3, 0, 0) if free else (1, 3, side, side)
    write_graph(
        tmp_path / "face_detection_yunet_2023mar.onnx", shape, one_face(height, side, 16, 4, 7)
    )
    detector = open_model(f"dir:{tmp_path}", FaceDetector)
    ((face,),) = detector.find_faces([np.zeros((640, 1280, 3), np.uint8)])
    assert face.score == pytest.approx(0.9)
    assert face.xyxy == pytest.approx((208, 96, 272, 192))
    assert face.points is not None
    assert face.points[0] == pytest.approx((224, 128)) and face.points[4] == pytest.approx(
        (256, 160)
    )


def test_the_network_sees_blue_first(tmp_path: Path, write_graph: Write, fed: Fed) -> None:
    write_graph(tmp_path / "yunet.onnx", (1, 3, 64, 64), one_face(64, 64, 8, 1, 1))
    detector = open_model(f"dir:{tmp_path}", FaceDetector)
    seen = fed(detector)
    detector.find_faces([np.full((64, 64, 3), (10, 20, 30), np.uint8)])
    assert seen[0]["input"].shape == (1, 3, 64, 64)
    assert seen[0]["input"][0, :, 5, 5].tolist() == [30, 20, 10]


def test_an_older_yunet_is_refused(tmp_path: Path, write_graph: Write) -> None:
    write_graph(
        tmp_path / "face_detection_yunet_2022mar.onnx",
        (1, 3, 120, 160),
        {name: np.zeros((4, 2), np.float32) for name in ("loc", "conf", "iou")},
    )
    with pytest.raises(InputError, match=r"loc, conf, iou"):
        open_model(f"dir:{tmp_path}", FaceDetector)
