"""UltraFace's priors and decoding against a plain reading of its repository's."""

from collections.abc import Callable
from itertools import product
from math import ceil, exp
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.models.ultraface import placed, priors
from sensorium.roles import FaceDetector

Write = Callable[..., None]
BOXES = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))


def plain_priors(height: int, width: int) -> list[tuple[float, ...]]:
    made = []
    for stride, sides in zip((8, 16, 32, 64), BOXES, strict=True):
        for j, i in product(range(ceil(height / stride)), range(ceil(width / stride))):
            for side in sides:
                about = ((i + 0.5) / (width / stride), (j + 0.5) / (height / stride),
                         side / width, side / height)  # fmt: skip
                made.append(tuple(min(max(one, 0), 1) for one in about))
    return made


@pytest.mark.parametrize(("height", "width", "count"), [(240, 320, 4420), (480, 640, 17640)])
def test_priors(height: int, width: int, count: int) -> None:
    made = priors(height, width)
    assert len(made) == count
    assert made == pytest.approx(np.array(plain_priors(height, width)), abs=1e-6)


def test_decoding() -> None:
    about = priors(240, 320)[:50]
    told = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    for (x, y, w, h), (px, py, pw, ph), corners in zip(
        told, about, placed(told, about), strict=True
    ):
        cx, cy = px + x * 0.1 * pw, py + y * 0.1 * ph
        cw, ch = pw * exp(w * 0.2), ph * exp(h * 0.2)
        expected = [cx - cw / 2, cy - ch / 2, cx + cw / 2, cy + ch / 2]
        assert corners.tolist() == pytest.approx(expected, abs=1e-5)


def outputs(raw: bool) -> dict[str, NDArray[np.float32]]:
    """A face at prior 700, the same less surely beside it, and one that is not sure enough."""
    scores = np.tile(np.array([0.95, 0.05], np.float32), (4420, 1))
    boxes = np.zeros((4420, 4), np.float32)
    for at, chance in ((700, 0.9), (701, 0.8), (3000, 0.6)):
        scores[at] = 1 - chance, chance
        boxes[at] = (0.5, -0.25, 0.1, 0.1) if raw else (0.25, 0.5, 0.375, 0.75)
    boxes[701] = boxes[701] if raw else boxes[701] + 0.01
    return {"scores": scores[None], "boxes": boxes[None]}


def test_a_face_is_told_in_pixels_of_the_picture(tmp_path: Path, write_graph: Write) -> None:
    write_graph(tmp_path / "version-RFB-320.onnx", (1, 3, 240, 320), outputs(raw=False))
    detector = open_model(f"dir:{tmp_path}", FaceDetector)
    ((face,),) = detector.find_faces([np.zeros((500, 800, 3), np.uint8)])
    assert face.xyxy == pytest.approx((200, 250, 300, 375)) and face.points is None
    assert face.score == pytest.approx(0.9)


def test_a_file_without_postprocessing_is_decoded(tmp_path: Path, write_graph: Write) -> None:
    path = tmp_path / "version-RFB-320_without_postprocessing.onnx"
    write_graph(path, (1, 3, 240, 320), outputs(raw=True))
    faces = open_model(f"dir:{tmp_path}", FaceDetector).find_faces(
        [np.zeros((240, 320, 3), np.uint8)]
    )[0]
    at = placed(outputs(raw=True)["boxes"][0], priors(240, 320))[700] * (320, 240, 320, 240)
    assert faces[0].xyxy == pytest.approx(at.tolist(), abs=1e-3)


def test_another_graph_of_that_name_is_refused(tmp_path: Path, write_graph: Write) -> None:
    write_graph(tmp_path / "ultraface.onnx", (1, 3, 8, 8), {"x": np.zeros((1, 2), np.float32)})
    with pytest.raises(InputError, match="it gives x"):
        open_model(f"dir:{tmp_path}", FaceDetector)
