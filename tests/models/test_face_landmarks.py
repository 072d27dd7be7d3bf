"""The 68 points of the built-in model: where they lie, and what the geometry of faces tells."""

import os
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.media.image import read_picture
from sensorium.models import open as open_model
from sensorium.models.face_landmarks import SmallFaceLandmarker
from sensorium.roles import Face, FaceLandmarker, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.signal.face import expression
from sensorium.spec import Folder

MEDIA = os.environ.get("SENSORIUM_MEDIA", "")
# Where faces are in photographs, brow to chin.
HAPPY, NEUTRAL = ("face-happy.jpg", (265, 77, 393, 204)), ("face-neutral.jpg", (246, 86, 367, 205))
SAD, ASTRONAUT = ("face-sad.jpg", (149, 73, 257, 183)), ("astronaut.png", (184, 82, 264, 162))
ANGRY = ("face-angry.jpg", (104, 81, 191, 169))


@pytest.fixture(scope="module")
def model() -> FaceLandmarker:
    found = open_model("face-landmarker", FaceLandmarker)
    assert isinstance(found, SmallFaceLandmarker)
    return found


def drawn() -> Pixels:
    """(240, 200, 3): a head with eyes, brows, nose and mouth."""
    rows, columns = np.mgrid[:240, :200].astype(float)
    picture = np.full((240, 200), 90.0)
    picture[((rows - 124) / 104) ** 2 + ((columns - 100) / 80) ** 2 < 1] = 190
    for eye in (66, 134):
        picture[((rows - 100) / 8) ** 2 + ((columns - eye) / 16) ** 2 < 1] = 40
        picture[(abs(rows - 76) < 4) & (abs(columns - eye) < 20)] = 60
    picture[(abs(rows - 140) < 4) & (abs(columns - 100) < 12)] = 120
    picture[(abs(rows - 176) < 6) & (abs(columns - 100) < 36)] = 50
    return np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)


FACE = Face((30, 62, 170, 224), 0.9)


def test_points_lie_where_the_parts_of_a_face_do(model: FaceLandmarker) -> None:
    (points,) = model.place_points(drawn(), [FACE])
    assert points.shape == (68, 2) and points.dtype == np.float32
    eyes = points[36:42].mean(0), points[42:48].mean(0)
    assert eyes[0] == pytest.approx((66, 100), abs=14)
    assert eyes[1] == pytest.approx((134, 100), abs=14)
    assert points[48:68].mean(0) == pytest.approx((100, 176), abs=16)
    assert points[8, 1] > points[57, 1] > points[33, 1] > points[27, 1]  # chin, lip, nose, bridge


def test_size_and_place_do_not_matter(model: FaceLandmarker) -> None:
    picture = drawn()
    (points,) = model.place_points(picture, [FACE])
    large = picture.repeat(2, axis=0).repeat(2, axis=1)
    (twice,) = model.place_points(large, [Face((60, 124, 340, 448), 0.9)])
    assert np.abs(twice / 2 - points).max() < 4
    moved = np.pad(picture, ((30, 0), (50, 0), (0, 0)), mode="edge")
    (away,) = model.place_points(moved, [Face((80, 92, 220, 254), 0.9)])
    assert np.abs(away - (50, 30) - points).max() < 1


def test_batches_do_not_matter(model: FaceLandmarker) -> None:
    faces = [Face((30 + at, 62, 170 + at, 224), 0.9) for at in range(-9, 9)]
    found = model.place_points(drawn(), faces)
    alone = np.concatenate([model.place_points(drawn(), [face]) for face in faces])
    np.testing.assert_allclose(found, alone, atol=0.01)
    assert model.place_points(drawn(), []).shape == (0, 68, 2)


def test_a_folder_must_say_how_faces_are_cut_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "face_landmarks", "side": 64}')
    with pytest.raises(InputError, match="does not say around"):
        SmallFaceLandmarker(Checkpoint(Folder(tmp_path), tmp_path, "1"), Device.CPU)


@pytest.mark.skipif(not MEDIA, reason="needs real photographs: SENSORIUM_MEDIA")
def test_signs_of_real_faces(model: FaceLandmarker) -> None:
    def signs(name: str, xyxy: tuple[float, float, float, float]) -> dict[str, float]:
        picture = read_picture(Path(MEDIA) / name).pixels
        return expression(model.place_points(picture, [Face(xyxy, 1.0)])[0])

    lift, opening = "mouth-corner lift", "mouth opening"
    for smiling in (HAPPY, ASTRONAUT):
        assert signs(*smiling)[lift] > max(signs(*other)[lift] for other in (NEUTRAL, SAD))
        assert (
            signs(*smiling)[opening] > max(signs(*other)[opening] for other in (SAD, ANGRY)) + 0.03
        )
    assert signs(*ANGRY)["brow lower"] > signs(*SAD)["brow lower"]
    assert signs(*ANGRY)["brow raise"] < min(signs(*o)["brow raise"] for o in (SAD, NEUTRAL))
