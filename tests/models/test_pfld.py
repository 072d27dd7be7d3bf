from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.roles import Face, FaceLandmarker

Write = Callable[..., None]
Fed = Callable[[Any], list[dict[str, Any]]]


def write(folder: Path, write_graph: Write, numbers: int) -> None:
    points = np.linspace(0, 1, numbers, dtype=np.float32)[None]
    features = np.zeros((1, 64, 28, 28), np.float32)
    write_graph(folder / "pfld.onnx", (1, 3, 112, 112), {"features": features, "landmarks": points})


def test_points_lie_in_the_square_about_the_face(tmp_path: Path, write_graph: Write) -> None:
    write(tmp_path, write_graph, 136)
    model = open_model(f"dir:{tmp_path}", FaceLandmarker)
    picture = np.zeros((300, 400, 3), np.uint8)
    faces = [Face((100, 50, 200, 150), 1.0), Face((-20, -30, 30, 10), 1.0)]
    points = model.place_points(picture, faces)
    assert points.shape == (2, 68, 2)
    # A face of 100 pixels is cut out of a square of 120 about its middle.
    share = np.linspace(0, 1, 136).reshape(68, 2)
    assert points[0] == pytest.approx(share * 120 + (90, 40), abs=0.01)
    assert points[1] == pytest.approx(share * 60 + (-25, -40), abs=0.01)
    assert model.place_points(picture, []).shape == (0, 68, 2)


def test_the_network_sees_the_face_as_shares_of_one(
    tmp_path: Path, write_graph: Write, fed: Fed
) -> None:
    write(tmp_path, write_graph, 136)
    model = open_model(f"dir:{tmp_path}", FaceLandmarker)
    seen = fed(model)
    model.place_points(np.full((40, 40, 3), (255, 51, 0), np.uint8), [Face((5, 5, 35, 35), 1.0)])
    assert seen[0]["input"].shape == (1, 3, 112, 112)
    assert seen[0]["input"][0, :, 50, 50] == pytest.approx([1, 0.2, 0])


@pytest.mark.parametrize("numbers", [196, 212])
def test_other_points_are_refused(tmp_path: Path, write_graph: Write, numbers: int) -> None:
    write(tmp_path, write_graph, numbers)
    with pytest.raises(InputError, match=f"landmarks of {numbers}"):
        open_model(f"dir:{tmp_path}", FaceLandmarker)
