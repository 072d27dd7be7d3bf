"""Emotions in a library from the command line: indexed, searched by, forgotten.

The models come from another package: a face is a whole picture, and its colour what it feels.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sensorium.results import Hits

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Install = Callable[[str, str, str], None]

FACES = """
import numpy as np
from sensorium.roles import Face, FaceClassifier, FaceDetector

ROLES = (FaceDetector, FaceClassifier)


def load(checkpoint, device):
    return Faces(checkpoint)


class Faces:
    labels = ("anger", "disgust", "happiness")

    def __init__(self, checkpoint):
        self.provenance = checkpoint.provenance

    def find_faces(self, pictures):
        return [(Face((0, 0, one.shape[1], one.shape[0]), 0.99),) for one in pictures]

    def classify_faces(self, picture, faces):
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        felt = np.array([red, blue, green], np.float32) + 1
        return np.tile(felt / felt.sum(), (len(faces), 1))
"""


def choose_faces(home: Path) -> None:
    """They are this home's models of faces; other senses have none here."""
    model = home / "models" / "faces"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "guest-faces"}')
    chosen = json.dumps(f"dir:{model}")
    with (home / "settings.toml").open("a") as settings:
        settings.write(f"face-detector = {chosen}\nface-classifier = {chosen}\n")


def named(ended: subprocess.CompletedProcess[bytes]) -> list[str]:
    assert ended.returncode == 0, ended.stderr.decode()
    return [hit.path.name for hit in Hits.from_json(ended.stdout.decode()).hits]


def test_from_index_to_forgetting(
    sensorium: Run, install: Install, home: Path, pictures: Path
) -> None:
    install("guest-faces", FACES, "sensorium.models")
    choose_faces(home)
    ended = sensorium("index", "pictures")
    assert ended.returncode == 0, ended.stderr.decode()
    before = sensorium("search", "red", "--emotion", "anger")
    assert before.returncode == 2 and b"--with emotion" in before.stderr

    ended = sensorium("index", "--with", "emotion")
    assert ended.returncode == 0, ended.stderr.decode()
    assert named(sensorium("search", "red", "--emotion", "anger", "--json")) == ["red.png"]
    assert named(sensorium("search", "red", "--emotion", "happiness", "--json")) == ["green.png"]
    both = sensorium("search", "red", "--emotion", "anger", "--emotion", "happiness", "--json")
    assert sorted(named(both)) == ["green.png", "red.png"]
    wrong = sensorium("search", "red", "--emotion", "hunger")
    assert wrong.returncode == 2 and b"happiness" in wrong.stderr

    library = home / "libraries" / "default" / "library.sqlite"
    assert b'"box"' in library.read_bytes()
    (home / "partial").mkdir(exist_ok=True)
    (home / "partial" / "emotion-face-0.jsonl").write_text("{}")
    assert sensorium("libraries", "forget", "default").returncode == 2
    assert sensorium("libraries", "forget", "typo", "--emotion").returncode == 3
    told = json.loads(sensorium("libraries", "forget", "default", "--emotion", "--json").stdout)
    assert told == {"type": "Forgotten", "library": "default", "notes": 3}
    left = b"".join(path.read_bytes() for path in library.parent.rglob("*") if path.is_file())
    assert b'"box"' not in left and b"happiness" not in left
    assert not list((home / "partial").iterdir())
    assert named(sensorium("search", "red", "--json"))[0] == "red.png"
