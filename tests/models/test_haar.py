import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorium.errors import ModelMissing
from sensorium.models import haar as family
from sensorium.models import open as open_model
from sensorium.roles import FaceDetector
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.runtime.hub import resolve
from sensorium.spec import Folder, Named

Draw = Callable[[float], NDArray[np.uint8]]


@pytest.fixture
def detector() -> FaceDetector:
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2, "CascadeClassifier"):
        pytest.skip("OpenCV 5 has no cascades")
    return open_model(f"dir:{Path(cv2.__file__).parent}", FaceDetector)


@pytest.mark.parametrize("radius", [40, 70, 120])
def test_a_face_is_found_where_it_is(detector: FaceDetector, draw_face: Draw, radius: int) -> None:
    ((face,),) = detector.find_faces([draw_face(radius)])
    left, top, right, bottom = (np.array(face.xyxy) - 200) / radius
    assert -1 < left < -0.6 and 0.6 < right < 1
    assert -0.9 < top < -0.4 and 0.7 < bottom < 1.2
    assert 0 < face.score <= 1 and face.points is None


def test_a_large_picture_is_looked_at_smaller(detector: FaceDetector, draw_face: Draw) -> None:
    picture = draw_face(80)
    ((small,),) = detector.find_faces([picture])
    ((large,),) = detector.find_faces([picture.repeat(5, axis=0).repeat(5, axis=1)])
    assert np.array(large.xyxy) / 5 == pytest.approx(np.array(small.xyxy), abs=15)


def test_each_picture_has_its_own_answer(detector: FaceDetector, draw_face: Draw) -> None:
    plain = np.full((60, 90, 3), 128, np.uint8)
    assert [len(faces) for faces in detector.find_faces([plain, draw_face(70), plain])] == [0, 1, 0]
    assert detector.find_faces([]) == []
    assert detector.find_faces([np.zeros((1, 3, 3), np.uint8)]) == [()]


def test_its_revision_is_the_package_s(detector: FaceDetector) -> None:
    revision = resolve(Named("haar-cascade")).revision
    assert revision[0].isdigit() and detector.provenance.revision != revision


def test_without_the_package_the_hint_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelMissing) as told:
        resolve(Named("haar-cascade"))
    assert told.value.hint == 'pip install "sensorium[faces]"'


def test_an_opencv_without_cascades_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="cannot be opened") as told:
        family.load(Checkpoint(Folder(tmp_path), tmp_path, "1"), Device.CPU)
    assert told.value.hint == 'pip install "sensorium[faces]"'
