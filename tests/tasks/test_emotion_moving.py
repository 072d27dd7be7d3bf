"""The task on sounds, pictures and videos, with small models."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.errors import InputError, ModelMissing, SensoriumError
from sensorium.flow import Failed, Progress
from sensorium.results import Timeline
from sensorium.results.notes import in_chinese
from sensorium.results.timeline import EMOTIONS
from sensorium.tasks import TASKS

emotion = TASKS["emotion"]
CUES = (
    "1\n00:00:00,500 --> 00:00:02,000\nI am happy today\n\n"
    "2\n00:00:04,000 --> 00:00:05,500\nI am so angry\n"
)


@pytest.fixture
def models(small: ModuleType) -> dict[str, Any]:
    return {
        "text_model": small.Lexicon(),
        "voice_model": small.Tones(),
        "speech_detector": small.Loud(),
        "face_model": small.Colours(),
        "face_detector": small.Squares(),
    }


@pytest.fixture
def film(small: ModuleType, tmp_path: Path) -> Path:
    """Six seconds: a face that smiles and then is sad, another that comes late; a sad voice, then
    an angry one."""

    def sight(time: float) -> list[tuple[int, tuple[int, int, int]]]:
        faces = [(20 + int(time), small.HAPPY if time < 3 else small.SAD)]
        return [*faces, (160, small.ANGRY)] if time >= 4 else faces

    sound = small.tone([(0.5, 2.0, small.LOW), (4.0, 5.5, small.HIGH)], 6.0, 16_000)
    made: Path = small.write_video(tmp_path / "film.mp4", sight, 6.0, sound)
    return made


def likeliest(told: Timeline, row: str, step: int) -> str:
    chances = told.rows[row].at(step)
    return max(chances, key=lambda label: chances[label])


def test_a_video_has_a_row_for_every_sign(film: Path, models: dict[str, Any]) -> None:
    cues = film.with_suffix(".srt")
    cues.write_text(CUES)
    told = emotion(film, transcript=cues, **models)
    assert list(told.rows) == ["fused", "text", "voice", "face", "face-2"]
    assert told.labels == EMOTIONS
    assert (told.grid.unit, told.grid.every, told.grid.count) == ("seconds", 1.0, 6)
    for row in told.rows.values():
        for step, seen in enumerate(row.seen):
            assert sum(row.at(step).values()) == pytest.approx(1.0 if seen else 0.0, abs=1e-4)
    assert told.rows["face"].seen == (True,) * 6
    assert told.rows["face-2"].seen == (False,) * 4 + (True,) * 2
    assert likeliest(told, "face", 0) == "happiness" and likeliest(told, "face", 5) == "sadness"
    assert likeliest(told, "voice", 1) == "sadness" and likeliest(told, "voice", 4) == "anger"
    assert told.rows["voice"].seen[3] is False
    assert likeliest(told, "fused", 3) in ("happiness", "sadness")
    assert Timeline.from_json(told.to_json()) == told


def test_evidence_says_when_where_and_how(film: Path, models: dict[str, Any]) -> None:
    told = emotion(film, **models)
    voice = [one for one in told.evidence if one.row == "voice"]
    assert [one.start for one in voice] == pytest.approx([0.5, 4.0], abs=0.1)
    assert voice[0].signs["pitch median, Hz"] == pytest.approx(110, rel=0.02)
    assert voice[1].signs["pitch median, Hz"] == pytest.approx(330, rel=0.02)
    face = next(one for one in told.evidence if one.row == "face")
    assert face.at is not None and face.box is not None
    assert face.box == pytest.approx((20 + face.at, 36, 68 + face.at, 84), abs=3)
    assert "head tilt, degrees" in face.signs and "brow raise" in face.signs


def test_landmarks_give_geometry(film: Path, models: dict[str, Any], small: ModuleType) -> None:
    told = emotion(film, only="face", landmarks=small.Corners(), **models)
    assert all("brow raise" in one.signs for one in told.evidence)
    assert told.provenance.model.endswith("dir:corners")


def test_a_stretch_of_a_video_keeps_its_clock(film: Path, models: dict[str, Any]) -> None:
    told = emotion(f"{film}@4s-6s", **models)
    assert (told.grid.start, told.grid.count) == (4.0, 2)
    assert set(told.rows) == {"fused", "voice", "face", "face-2"}
    assert all(3.9 <= one.start <= 6 for one in told.evidence)


def test_only_what_is_asked_for_is_opened(film: Path, models: dict[str, Any]) -> None:
    names = ("voice_model", "face_model", "face_detector", "speech_detector")
    missing: dict[str, Any] = models | dict.fromkeys(names, "dir:nowhere")
    assert "text" in emotion("I am happy.", **missing).rows
    with pytest.raises(SensoriumError, match="nowhere"):
        emotion(film, **missing)
    told = emotion(film, only="voice", **(missing | {k: models[k] for k in names if "f" not in k}))
    assert list(told.rows) == ["fused", "voice"]


def test_a_missing_model_leaves_its_row_out(
    film: Path, models: dict[str, Any], own_home: Path
) -> None:
    own_home.mkdir()
    (own_home / "settings.toml").write_text('[models]\naudio-classifier = "hf:nobody/nothing"\n')
    del models["voice_model"]
    told = emotion(film, **models)
    assert list(told.rows) == ["fused", "face", "face-2"]
    assert any("voice is left out" in note and "models pull" in note for note in told.notes)
    with pytest.raises(ModelMissing, match="voice is left out"):
        emotion(film, only="voice", **models)


def test_disagreement_is_flagged(film: Path, models: dict[str, Any]) -> None:
    told = emotion(film, **models)
    found = [one for one in told.events if one.kind == "disagreement"]
    assert {one.note for one in found} >= {"voice sadness, face happiness"}
    first = next(one for one in found if one.note == "voice sadness, face happiness")
    assert (first.start, first.end, first.row) == (0.0, 2.0, "face")


def test_speech_in_another_language_is_marked(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    path = small.write_wav(tmp_path / "talk.wav", small.tone([(0.5, 2, 200.0)], 3, 16_000))
    assert [one.kind for one in emotion(path, lang="en", **models).events] == []
    told = emotion(path, lang="zh", **models)
    assert [(one.kind, one.row, one.note) for one in told.events] == [("language", "voice", "zh")]
    assert any("German and English: of Chinese" in note for note in told.notes)
    assert any("只学过德语和英语：读中文" in in_chinese(note) for note in told.notes)
    told = emotion(path, **models)
    assert any("German and English; which" in note and "--lang can" in note for note in told.notes)
    assert any("只学过德语和英语；" in in_chinese(note) for note in told.notes)


def test_a_speakers_own_way(small: ModuleType, tmp_path: Path, models: dict[str, Any]) -> None:
    stretches = [(at * 5.0, at * 5.0 + 4.5, 220.0 if at == 3 else 110.0) for at in range(6)]
    path = small.write_wav(tmp_path / "talk.wav", small.tone(stretches, 30, 16_000))
    told = emotion(path, speaker_baseline=True, **models)
    above = [one.signs["above own pitch, semitones"] for one in told.evidence]
    assert above == pytest.approx([0, 0, 0, 12, 0, 0], abs=0.3)
    short = small.write_wav(tmp_path / "short.wav", small.tone([(0, 3, 110.0)], 3, 16_000))
    told = emotion(short, speaker_baseline=True, **models)
    assert "above own pitch, semitones" not in told.evidence[0].signs
    assert any("too little speech" in note for note in told.notes)


# transcripts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_transcripts_in_any_encoding(film: Path, models: dict[str, Any], encoding: str) -> None:
    cues = film.with_suffix(".srt")
    words = CUES.replace("I am happy today", "我今天很高兴").replace("I am so angry", "我很生气")
    cues.write_bytes(words.encode(encoding))
    told = emotion(film, transcript=cues, **models)
    said = [one for one in told.evidence if one.row == "text"]
    assert [(one.label, one.language) for one in said] == [("happiness", "zh"), ("anger", "zh")]
    voice = [one for one in told.evidence if one.row == "voice"]
    assert voice[0].signs["speech rate, characters/s"] == pytest.approx(6 / 1.5, rel=0.01)
    assert any(one.kind == "language" and one.row == "voice" for one in told.events)
    guessed = [note for note in told.notes if "was guessed" in note]
    assert len(guessed) == (encoding == "gb18030")


def test_a_guess_at_the_encoding_of_a_transcript_is_told(
    film: Path, models: dict[str, Any]
) -> None:
    cues = film.with_name("my film.srt")
    cues.write_bytes(CUES.replace("I am happy today", "我今天很高興，謝謝你們").encode("big5"))
    command = "iconv -f BIG5 -t UTF-8 'my film.srt'"
    for told in (emotion(film, transcript=cues, **models), emotion(cues, **models)):
        (note,) = [note for note in told.notes if "was guessed" in note]
        assert "the encoding of my film.srt was guessed, Windows-1252: " in note
        assert note.endswith(f"save it in UTF-8, as with {command}")
        assert in_chinese(note).startswith("my film.srt 的编码是猜的：Windows-1252；")
        assert in_chinese(note).endswith(command)


def test_words_without_times_lie_over_the_speech(film: Path, models: dict[str, Any]) -> None:
    words = film.with_suffix(".txt")
    words.write_text("I am happy today ok. I am so angry, yes.")
    told = emotion(film, transcript=film.parent, **models)
    first, second = (one for one in told.evidence if one.row == "text")
    assert (first.start, second.end) == pytest.approx((0.5, 5.5), abs=0.1)
    assert 1.8 < first.end <= second.start + 2.3 and 1.8 < second.start < 4.3
    assert any("laid over the speech" in note for note in told.notes)


def test_a_subtitle_file_beside_it_is_only_told(film: Path, models: dict[str, Any]) -> None:
    film.with_suffix(".en.srt").write_text(CUES)
    told = emotion(film, **models)
    assert "text" not in told.rows
    assert any("film.en.srt lies beside it" in note for note in told.notes)


def test_options_that_do_not_fit_are_refused(film: Path, models: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--transcript"):
        emotion("I am happy.", transcript=film, **models)
    with pytest.raises(InputError, match="--with-text"):
        emotion(film, with_text="ha", **models)
    with pytest.raises(InputError, match="--only face"):
        emotion("I am happy.", only="face", **models)
    with pytest.raises(InputError, match="no kind of sign"):
        emotion(film, only="smell", **models)
    with pytest.raises(InputError, match="--every"):
        emotion(film, every="0s", **models)
    with pytest.raises(InputError, match=r"1s, 500ms or 2min"):
        emotion(film, every="2h", **models)
    with pytest.raises(InputError, match="holds no transcript"):
        emotion(film, transcript=film.parent, **models)


# pictures


def test_the_faces_of_a_picture(small: ModuleType, models: dict[str, Any]) -> None:
    told = emotion(small.picture([(20, small.HAPPY), (150, small.SAD)]), **models)
    assert list(told.rows) == ["fused", "face", "face-2"]
    assert told.grid.count == 1
    assert {one.label for one in told.evidence} == {"happiness", "sadness"}
    assert told.evidence[0].box in ((20, 36, 68, 84), (150, 36, 198, 84))
    assert any("contempt" in note for note in told.notes)
    nobody = emotion(small.picture([]), **models)
    assert nobody.rows["fused"].seen == (False,)
    assert any("no face" in note for note in nobody.notes)


def test_a_post_is_read_as_one(small: ModuleType, models: dict[str, Any], own_home: Path) -> None:
    shot = small.picture([(20, small.HAPPY)])
    told = emotion(shot, with_text="I am happy. Really!", post_model=small.Both(), **models)
    assert list(told.rows) == ["fused", "text", "face"]
    post = next(one for one in told.evidence if one.row == "post")
    assert (post.label, post.text) == ("positive", "I am happy. Really!")
    assert 0 < post.valence <= 1
    own_home.mkdir()
    (own_home / "settings.toml").write_text('[models]\npost-classifier = "hf:nobody/nothing"\n')
    apart = emotion(shot, with_text="I am happy.", **models)
    assert not any(one.row == "post" for one in apart.evidence)
    assert any("the post is left out" in note for note in apart.notes)


# what is amiss


def test_what_cannot_have_the_signs_that_are_asked_for_says_why(
    small: ModuleType, tmp_path: Path, film: Path, models: dict[str, Any]
) -> None:
    sound = small.write_wav(tmp_path / "sound.wav", small.tone([(0, 2, 110.0)], 2, 16_000))
    with pytest.raises(InputError, match="a sound has no face"):
        emotion(sound, only="face", **models)
    for item in (sound, film):
        with pytest.raises(InputError, match=r"--transcript FILE\.srt"):
            emotion(item, only="text", **models)
    mute = small.write_video(tmp_path / "mute.mp4", lambda time: [(20, small.HAPPY)], 2.0)
    with pytest.raises(InputError, match="it has no sound"):
        emotion(mute, only="voice", **models)


@pytest.mark.parametrize(
    ("told", "every"), [("2s", 2), ("500ms", 0.5), ("1min", 60), ("1.5", 1.5), (3, 3)]
)
def test_lengths_of_time(
    film: Path, models: dict[str, Any], told: str | float, every: float
) -> None:
    assert emotion(film, every=told, only="voice", **models).grid.every == every


def test_no_sound_and_no_picture_are_told(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    mute = small.write_video(tmp_path / "mute.mp4", lambda time: [(20, small.HAPPY)], 2.0)
    told = emotion(mute, **models)
    assert list(told.rows) == ["fused", "face"]
    assert any("no sound" in note for note in told.notes)
    assert not any("is said" in note for note in told.notes)
    mute.with_suffix(".srt").write_text(CUES)  # somebody put words to it
    assert any("mute.srt lies beside it" in note for note in emotion(mute, **models).notes)
    sound = small.write_wav(tmp_path / "sound.wav", small.tone([(0, 2, 110.0)], 2, 16_000))
    blind = tmp_path / "blind.mkv"
    blind.write_bytes(sound.read_bytes())
    told = emotion(blind, **models)
    assert list(told.rows) == ["fused", "voice"]
    assert any("no moving picture" in note for note in told.notes)
    assert any("what is said is not read" in note for note in told.notes)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 2), (44_100, 6)])
def test_sounds_of_any_rate_and_channels(
    small: ModuleType, tmp_path: Path, models: dict[str, Any], rate: int, channels: int
) -> None:
    samples = small.tone([(0.5, 2.5, 110.0)], 3, rate)
    path = small.write_wav(tmp_path / "talk.wav", samples, rate, channels)
    told = emotion(path, **models)
    (one,) = told.evidence
    assert (one.start, one.end) == pytest.approx((0.5, 2.5), abs=0.1)
    assert one.label == "sadness"


def test_silence_music_and_clipping_are_normal(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    silent = small.write_wav(tmp_path / "silent.wav", np.zeros(32_000, np.float32))
    told = emotion(silent, **models)
    assert told.rows["fused"].seen == (False, False)
    assert any("no speech" in note for note in told.notes)
    clipped = np.clip(small.tone([(0, 2, 110.0)], 2, 16_000) * 30, -1, 1)
    told = emotion(small.write_wav(tmp_path / "clipped.wav", clipped), **models)
    assert any("clipped in places" in note for note in told.notes)


def test_turned_and_uneven_videos(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    def sight(time: float) -> list[tuple[int, tuple[int, int, int]]]:
        return [(20, small.HAPPY)]

    turned = small.write_video(tmp_path / "turned.mp4", sight, 2.0, turn=90)
    (one,) = emotion(turned, **models).evidence
    assert one.box is not None
    assert one.box[2] <= 120 and one.box[3] <= 240 and one.box[3] > 120
    uneven = small.write_video(
        tmp_path / "uneven.mp4", sight, 4.0, times=lambda number: number**1.5 / 10
    )
    told = emotion(uneven, **models)
    assert told.rows["face"].seen == (True,) * told.grid.count


def test_a_still_picture_is_looked_at_once(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    slow = small.write_video(
        tmp_path / "slow.mp4",
        lambda time: [(20, small.HAPPY)],
        12.0,
        times=lambda number: number * 3.0,
    )
    told = emotion(slow, **models)
    assert told.rows["face"].seen[:9] == (True,) * 9
    assert models["face_detector"].pictures < 12


def test_a_broken_tail_costs_what_is_broken(
    small: ModuleType, tmp_path: Path, models: dict[str, Any]
) -> None:
    whole = small.write_video(
        tmp_path / "whole.mkv",
        lambda time: [(20 + int(time * 5), small.HAPPY)],
        12.0,
        small.tone([(0, 12, 110.0)], 12, 16_000),
    )
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 2 // 3])
    told = emotion(cut, **models)
    assert {"voice", "face"} & set(told.rows)
    assert any("can be decoded" in note or "cut off" in note for note in told.notes)
    assert not any(note in in_chinese(note) for note in told.notes[1:])


def test_one_bad_file_stops_no_other(film: Path, tmp_path: Path, models: dict[str, Any]) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(os.urandom(5000))
    first, second, last = emotion.map([empty, film, junk], **models)
    assert isinstance(first, Failed) and "empty" in str(first.error)
    assert isinstance(second, Timeline)
    assert isinstance(last, Failed) and "broken" in str(last.error)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_file_is_told(film: Path, models: dict[str, Any]) -> None:
    film.chmod(0)
    with pytest.raises(SensoriumError, match=r"cannot be read|permission"):
        emotion(film, **models)


def test_a_folder_is_no_transcript_of_bytes(film: Path, models: dict[str, Any]) -> None:
    told = emotion(film.read_bytes(), **models)
    assert set(told.rows) == {"fused", "voice", "face", "face-2"}


def test_progress_is_in_seconds(film: Path, models: dict[str, Any]) -> None:
    *events, _ = emotion.stream(film, **models)
    moved = [one for one in events if isinstance(one, Progress)]
    assert moved[-1] == Progress(6, 6, "s")
    assert [one.done for one in moved] == sorted(one.done for one in moved)


def test_a_photo_file(small: ModuleType, tmp_path: Path, models: dict[str, Any]) -> None:
    path = tmp_path / "shot.png"
    Image.fromarray(small.picture([(20, small.ANGRY)])).save(path)
    told = emotion(path, **models)
    assert told.item == str(path) and told.evidence[0].label == "anger"
