"""The reader of faces: what it takes of a picture, and what the built-in weights tell."""

import os
from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.media.image import read_picture
from sensorium.models import open as open_model
from sensorium.models.face_emotion import FaceEmotionReader, tempered
from sensorium.results.timeline import EMOTIONS
from sensorium.roles import Face, FaceClassifier, LabelGuesser, Pixels
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.devices import Device
from sensorium.spec import Folder

MEDIA = os.environ.get("SENSORIUM_MEDIA", "")
# Where faces are in photographs, brow to chin, and what they show.
SHOWN = [
    ("astronaut.png", (187, 83, 262, 158), "happiness"),
    ("man-laughing.jpg", (261, 126, 357, 222), "happiness"),
    ("face-happy.jpg", (262, 78, 388, 204), "happiness"),
    ("face-angry.jpg", (93, 78, 198, 183), "anger"),
    ("face-sad.jpg", (151, 78, 254, 181), "sadness"),
    ("face-neutral.jpg", (244, 89, 363, 207), "neutral"),
    ("woman-umbrella.jpg", (220, 210, 293, 283), "happiness"),
]


@pytest.fixture(scope="module")
def model() -> FaceEmotionReader:
    found = open_model("face-classifier", FaceClassifier)
    assert isinstance(found, FaceEmotionReader)
    return found


def drawn(smile: float) -> Pixels:
    """(120, 100, 3): a head with eyes, brows and a mouth whose corners lie `smile` pixels above
    its middle."""
    rows, columns = np.mgrid[:120, :100].astype(float)
    picture = np.full((120, 100), 90.0)
    picture[((rows - 62) / 52) ** 2 + ((columns - 50) / 40) ** 2 < 1] = 190
    for eye in (33, 67):
        picture[((rows - 50) / 4) ** 2 + ((columns - eye) / 8) ** 2 < 1] = 40
        picture[(abs(rows - 38) < 2) & (abs(columns - eye) < 10)] = 60
    curve = 88 + smile * (1 - ((columns - 50) / 18) ** 2) - smile / 2
    picture[(abs(rows - curve) < 3) & (abs(columns - 50) < 18)] = 50
    return np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)


FACE = Face((15, 26, 85, 112), 0.9)


def test_a_picture_cut_to_a_face_is_taken_whole(model: FaceEmotionReader) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    whole = Face((0.11 * 48, 0.18 * 48, 0.89 * 48, 0.96 * 48), 1.0)
    luma = picture @ np.array([0.299, 0.587, 0.114])
    assert np.abs(model.cut(picture, whole).astype(float) - luma).max() <= 0.51


def test_the_face_stands_in_the_middle_of_what_is_cut(model: FaceEmotionReader) -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[100:150, 200:250] = 255
    cut = model.cut(picture, Face((200, 100, 250, 150), 1.0))
    rows, columns = np.nonzero(cut > 127)
    side = model.side / 1.28
    assert np.ptp(rows) + 1 == pytest.approx(side, abs=1.5)
    assert columns.mean() == pytest.approx((model.side - 1) / 2, abs=1)
    assert rows.mean() > columns.mean()  # more is seen above than below


def test_rows_are_chances_and_batches_do_not_matter(model: FaceEmotionReader) -> None:
    picture = drawn(8)
    faces = [Face((15 + at, 26, 85 + at, 112), 0.9) for at in range(-9, 9)]
    found = model.classify_faces(picture, faces)
    assert model.labels == EMOTIONS and found.shape == (18, 7) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    alone = np.concatenate([model.classify_faces(picture, [face]) for face in faces])
    np.testing.assert_allclose(found, alone, atol=1e-4)
    assert model.classify_faces(picture, []).shape == (0, 7)


def test_a_mirror_changes_nothing(model: FaceEmotionReader) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)
    whole = Face((0.11 * 48, 0.18 * 48, 0.89 * 48, 0.96 * 48), 1.0)
    first = model.classify_faces(picture, [whole])
    second = model.classify_faces(np.ascontiguousarray(picture[:, ::-1]), [whole])
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_a_face_at_the_edge_is_read(model: FaceEmotionReader) -> None:
    found = model.classify_faces(drawn(8), [Face((-30, -20, 40, 60), 0.5)])
    assert np.isfinite(found).all()


def test_labels_are_guessed_by_the_other_head(model: FaceEmotionReader) -> None:
    assert isinstance(model, LabelGuesser)
    guessed = model.guess_labels(drawn(8), [FACE])
    np.testing.assert_allclose(guessed.sum(1), 1, atol=1e-5)
    assert np.abs(guessed - model.classify_faces(drawn(8), [FACE])).max() > 1e-3


def test_tempered() -> None:
    logits = np.log(np.array([[0.7, 0.3]], np.float32))
    np.testing.assert_allclose(tempered(logits, 1.0), [[0.7, 0.3]], atol=1e-6)
    np.testing.assert_allclose(tempered(logits, 0.5), [[0.49 / 0.58, 0.09 / 0.58]], atol=1e-6)


def test_a_folder_that_says_too_little_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "face_emotion", "labels": ["a"]}')
    with pytest.raises(InputError, match="temperatures"):
        FaceEmotionReader(Checkpoint(Folder(tmp_path), tmp_path, "1"), Device.CPU)


@pytest.mark.parametrize(("file", "box", "shown"), SHOWN)
def test_what_real_faces_show(
    model: FaceEmotionReader, file: str, box: tuple[float, ...], shown: str
) -> None:
    path = Path(MEDIA, file)
    if not MEDIA or not path.is_file():
        pytest.skip("SENSORIUM_MEDIA names no folder with this photo")
    left, top, right, bottom = box
    face = Face((left, top, right, bottom), 1.0)
    (found,) = model.classify_faces(read_picture(path).pixels, [face])
    assert model.labels[int(found.argmax())] == shown
