import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sensorium.errors import InputError
from sensorium.models import open as open_model
from sensorium.roles import FaceDetector, FaceFollower
from sensorium.runtime.catalogue import BUILTIN

Write = Callable[..., None]
Fed = Callable[[Any], list[dict[str, Any]]]
Draw = Callable[[float], NDArray[np.uint8]]
SAID = {
    "model_type": "face_detector",
    "sizes": [320, 640],
    "score": 0.5,
    "small": 20,
    "small_score": 0.65,
    "overlap": 0.4,
}


def row(score: float, left: float, top: float, right: float, bottom: float) -> list[float]:
    points = [left, top, right, top, (left + right) / 2, (top + bottom) / 2]
    return [score, left, top, right, bottom, *points, left, bottom, right, bottom]


ROWS = [
    row(0.6, 42, 50, 82, 90),
    row(0.9, 40, 50, 80, 90),
    row(0.7, 200, 60, 230, 90),
    row(0.3, 100, 100, 130, 130),
    row(0.6, 10, 10, 28, 28),
]


@pytest.fixture
def detector(tmp_path: Path, write_graph: Write) -> FaceDetector:
    """Its graph tells the same whatever it sees."""
    (tmp_path / "config.json").write_text(json.dumps(SAID), "utf-8")
    told = {"faces": np.array([ROWS], np.float32)}
    write_graph(tmp_path / "model.onnx", (1, 3, 0, 0), told, "pixels")
    return open_model(f"dir:{tmp_path}", FaceDetector)


def test_faces_are_told_in_pixels_the_surest_first_and_each_once(detector: FaceDetector) -> None:
    picture = np.zeros((120, 160, 3), np.uint8)  # half of what it is looked at
    ((first, second),) = detector.find_faces([picture])
    assert first.xyxy == pytest.approx((20, 25, 40, 45)) and first.score == pytest.approx(0.9)
    assert second.xyxy == pytest.approx((100, 30, 115, 45))
    assert first.points is not None and first.points[2] == pytest.approx((30, 35))
    assert detector.find_faces([]) == []


@pytest.mark.parametrize(
    ("height", "width", "seen"),
    [
        (60, 80, [(256, 320)]),
        (240, 320, [(256, 320)]),
        (479, 100, [(320, 96)]),
        (480, 270, [(320, 192), (640, 384)]),
        (2000, 3000, [(224, 320), (448, 640)]),
        (1, 4000, [(32, 320), (32, 640)]),
    ],
)
def test_sizes_that_a_picture_is_looked_at(
    detector: FaceDetector,
    fed: Fed,
    height: int,
    width: int,
    seen: list[tuple[int, int]],
) -> None:
    given = fed(detector)
    detector.find_faces([np.zeros((height, width, 3), np.uint8)])
    assert [one["pixels"].shape for one in given] == [(1, 3, *sides) for sides in seen]


def test_the_network_sees_red_first_and_grey_beyond_the_rim(
    detector: FaceDetector, fed: Fed
) -> None:
    given = fed(detector)
    detector.find_faces([np.full((300, 310, 3), (255, 127, 63), np.uint8)])
    assert given[0]["pixels"][0, :, 9, 9].tolist() == [1, 0, -0.5]
    assert given[0]["pixels"][0, :, -1, 9].tolist() == [0, 0, 0]


def test_a_folder_that_does_not_say_enough_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "face_detector"}', "utf-8")
    with pytest.raises(InputError, match="sizes, score, small"):
        open_model(f"dir:{tmp_path}", FaceDetector)


needed = pytest.mark.skipif(
    not (BUILTIN / "face-detector").is_dir(), reason="no built-in model in this tree"
)


@needed
@pytest.mark.parametrize("radius", [30, 60, 100, 140])
def test_the_built_in_model_finds_a_drawn_face(draw_face: Draw, radius: int) -> None:
    detector = open_model("face-detector", FaceDetector)
    ((face,),) = detector.find_faces([draw_face(radius)])
    left, top, right, bottom = (np.array(face.xyxy) - 200) / radius
    assert -1.1 < left < -0.5 and 0.5 < right < 1.1
    assert -0.9 < top < -0.2 and 0.7 < bottom < 1.3
    assert face.points is not None
    points = (np.array(face.points) - 200) / radius
    wanted = [(-0.36, -0.25), (0.36, -0.25), (0, 0.25), (-0.3, 0.62), (0.3, 0.62)]
    assert points == pytest.approx(np.array(wanted), abs=0.2)


@needed
def test_frames_of_a_video_are_looked_at_whole_where_a_shot_begins(
    draw_face: Draw, fed: Fed
) -> None:
    """A small face goes across a view that rests, then there is another view with a large one."""
    detector = open_model("face-detector", FaceDetector)
    assert isinstance(detector, FaceFollower)
    small, large = np.asarray(draw_face(18))[160:240, 160:240], np.asarray(draw_face(150))
    rest = np.full((540, 960, 3), (90, 110, 130), np.uint8)
    rest[:, 500:] = (170, 150, 130)
    views = [rest.copy() for _ in range(4)]
    for at, view in enumerate(views[:3]):
        view[100:180, 100 + 20 * at : 180 + 20 * at] = small
    views[3][:] = rest[:, ::-1]
    views[3][70:470, 300:700] = large
    alone, given = detector.find_faces(views), fed(detector)
    found = detector.follow_faces(views)
    for one, other in zip(found, alone, strict=True):
        ((face,), (same,)) = one, other
        assert face.xyxy == pytest.approx(same.xyxy, abs=4)
    shapes = [one["pixels"].shape[2:] for one in given]
    whole, again = [(192, 320), (384, 640)], [(192, 320), (128, 128)]
    assert shapes == [*whole, *again, *again, *whole]
    assert detector.follow_faces([]) == []


@needed
def test_the_built_in_model_sees_no_face_in_nothing() -> None:
    detector = open_model("face-detector", FaceDetector)
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    blank = np.full((240, 320, 3), 200, np.uint8)
    assert detector.find_faces([noise, blank]) == [(), ()]


@needed
@pytest.mark.skipif("SENSORIUM_MEDIA" not in os.environ, reason="SENSORIUM_MEDIA is not set")
@pytest.mark.parametrize(
    ("name", "count"), [("face-happy.jpg", 1), ("astronaut.png", 1), ("giraffe.jpg", 0)]
)
def test_real_photos(name: str, count: int) -> None:
    detector = open_model("face-detector", FaceDetector)
    picture = Image.open(Path(os.environ["SENSORIUM_MEDIA"]) / name).convert("RGB")
    assert len(detector.find_faces([np.asarray(picture)])[0]) == count
