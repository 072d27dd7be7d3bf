"""Emotions in a library from the command line: indexed, searched by, forgotten.

The models come from another package: a face is a whole picture, and its colour what it feels.
"""

import json
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensorium.results import Hits, Timeline

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


# It hears noise as speech, and Ctrl-C comes while it listens for the time that CTRL_C says.
EARS = """
import os, signal, time
import numpy as np
from sensorium.media import Span
from sensorium.roles import AudioClassifier, SpeechDetector

ROLES = (SpeechDetector, AudioClassifier)


def load(checkpoint, device):
    return Ears(checkpoint)


class Ears:
    rate, labels, languages = 16_000, ("anger", "sadness"), ()
    heard = 0

    def __init__(self, checkpoint):
        self.provenance = checkpoint.provenance

    def speech(self, samples, rate):
        return tuple(Span(at, at + 2.0) for at in range(0, int(len(samples) / rate) - 2, 4))

    def classify_sounds(self, sounds):
        Ears.heard += 1
        if Ears.heard == int(os.environ.get("CTRL_C", 0)):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        return np.tile(np.array([0.9, 0.1], np.float32), (len(sounds), 1))
"""


def choose_ears(home: Path) -> None:
    model = home / "models" / "ears"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "guest-ears"}')
    chosen = json.dumps(f"dir:{model}")
    with (home / "settings.toml").open("a") as settings:
        settings.write(f"speech-detector = {chosen}\naudio-classifier = {chosen}\n")


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
    assert b"emotions" not in ended.stdout + sensorium("libraries", "info").stdout
    assert json.loads(sensorium("libraries", "info", "--json").stdout)["felt"] is None
    before = sensorium("search", "red", "--emotion", "anger")
    assert before.returncode == 2 and b"--with emotion" in before.stderr

    ended = sensorium("index", "--with", "emotion")
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"4 unchanged, emotions found in 3 " in ended.stdout
    assert b"emotions    found in 3 files\n" in sensorium("libraries", "info").stdout
    assert json.loads(sensorium("libraries", "info", "--json").stdout)["felt"] == 3
    assert b"emotions" not in sensorium("index", "--with", "emotion").stdout  # nothing was new
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


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_tells_how_to_go_on_where_something_was_kept(
    sensorium: Run, install: Install, home: Path, tmp_path: Path
) -> None:
    install("guest-ears", EARS, "sensorium.models")
    choose_ears(home)
    samples = np.random.default_rng(0).integers(-3000, 3000, 8_000 * 95).astype("<i2")
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    ask = ("emotion", "talk.wav", "--only", "voice")
    early = sensorium(*ask, CTRL_C="1")
    assert (early.returncode, early.stderr) == (130, b"stopped\n")
    assert not list((home / "partial").iterdir())
    hint = b"what is read is kept; the same command with --resume goes on from there\n"
    for number in ("3", "1"):  # the second run goes on, and is cut off at once
        ended = sensorium(*ask, "--resume", CTRL_C=number)
        assert (ended.returncode, ended.stderr) == (130, hint + b"stopped\n")
    whole = sensorium(*ask, "--resume", "--json")
    assert whole.returncode == 0 and not list((home / "partial").iterdir())
    assert Timeline.from_json(whole.stdout.decode()).rows["voice"].seen[90]
