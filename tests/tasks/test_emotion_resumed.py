"""A run that is cut off in the middle, and the one that goes on from there."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sensorium.results import Provenance, Timeline
from sensorium.tasks import TASKS

emotion = TASKS["emotion"]
SECONDS = 75.0
CHILD = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import small_models as small
from sensorium.tasks import TASKS

class Dying(small.Tones):
    def classify_sounds(self, sounds):
        told = super().classify_sounds(sounds)
        if self.calls == 3:
            time.sleep(1)  # what was found before is written by then
            os.kill(os.getpid(), int(sys.argv[3]))
            time.sleep(2)
        return told

TASKS["emotion"](
    sys.argv[2],
    voice_model=Dying(),
    speech_detector=small.Loud(),
    face_model=small.Colours(),
    face_detector=small.Squares(),
)
"""


@pytest.fixture(scope="module")
def film(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy-five seconds: a face that changes its colour, a voice that changes its pitch, with
    speech over every border of thirty seconds."""

    def sight(time: float) -> list[tuple[int, tuple[int, int, int]]]:
        colour = small.HAPPY if int(time / 7) % 2 else small.SAD
        return [] if 40 < time < 50 else [(20 + int(time) % 40, colour)]

    stretches = [(at * 5.0, at * 5.0 + 3.3, 110.0 if at % 3 else 330.0) for at in range(15)]
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    sound = small.tone(stretches, SECONDS, 16_000)
    made: Path = small.write_video(path, sight, SECONDS, sound, times=lambda number: number / 4)
    return made


def models(small: ModuleType) -> dict[str, Any]:
    return {
        "voice_model": small.Tones(),
        "speech_detector": small.Loud(),
        "face_model": small.Colours(),
        "face_detector": small.Squares(),
    }


def partial(home: Path) -> list[Path]:
    return sorted((home / "partial").glob("*.jsonl"))


def die(film: Path, by: int) -> int:
    """A run in a process of its own that gets a signal in its third window; how it ended."""
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", CHILD, folder, str(film), str(int(by))]
    return subprocess.run(command, capture_output=True, timeout=120).returncode


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_goes_on_where_it_was_cut_off(
    film: Path, small: ModuleType, own_home: Path, by: int
) -> None:
    assert die(film, by) != 0
    assert len(partial(own_home)) == 2
    fresh = models(small)
    whole = emotion(film.read_bytes(), **fresh)  # bytes: nothing is kept, nothing is used
    again = models(small)
    told = emotion(film, resume=True, **again)
    assert replace(told, item="") == replace(whole, item="")
    assert again["speech_detector"].seconds < fresh["speech_detector"].seconds - 40
    assert again["face_detector"].pictures < fresh["face_detector"].pictures
    assert partial(own_home) == []


def test_speech_over_a_border_is_whole(film: Path, small: ModuleType) -> None:
    told = emotion(film, only="voice", **models(small))
    starts = [one.start for one in told.evidence]
    assert len(starts) == 15
    assert starts == pytest.approx([at * 5.0 for at in range(15)], abs=0.15)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_what_was_kept_of_another_model_or_unasked_is_not_used(
    film: Path, small: ModuleType, own_home: Path
) -> None:
    die(film, signal.SIGKILL)
    other = models(small)
    other["voice_model"].provenance = Provenance("dir:tones", "2")
    emotion(film, only="voice", resume=True, **other)
    assert other["speech_detector"].seconds >= SECONDS
    again = models(small)
    emotion(film, **again)
    assert again["speech_detector"].seconds >= SECONDS
    assert partial(own_home) == []


def test_a_line_that_was_cut_off_is_passed_by(
    film: Path, small: ModuleType, own_home: Path
) -> None:
    whole = emotion(film, only="voice", **models(small))
    stream = emotion.stream(film, only="voice", **models(small))
    next(stream)
    stream.close()
    (path,) = partial(own_home)
    path.write_bytes(path.read_bytes() + b'{"type":"Spoken","start":3')
    told = emotion(film, only="voice", resume=True, **models(small))
    assert isinstance(told, Timeline) and told == whole


def test_short_files_keep_nothing(small: ModuleType, tmp_path: Path, own_home: Path) -> None:
    path = small.write_wav(tmp_path / "talk.wav", small.tone([(0.5, 2, 200.0)], 3, 16_000))
    stream = emotion.stream(path, **models(small))
    next(stream)
    stream.close()
    assert partial(own_home) == []


def test_what_was_left_behind_is_deleted_in_time(
    film: Path, small: ModuleType, own_home: Path
) -> None:
    old = own_home / "partial" / "emotion-voice-0.jsonl"
    old.parent.mkdir(parents=True)
    old.touch()
    os.utime(old, (0, 0))
    emotion(film, only="voice", **models(small))
    assert not old.exists()
