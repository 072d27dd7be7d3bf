"""What an input is: by suffix, by bytes, by what a person gave."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from sensorium.errors import InputError, NotFound
from sensorium.media import Audio, Image, Kind, Media, Span, Text, Video, text
from sensorium.media.audio import AudioFacts
from sensorium.media.audio import probe as probe_sound
from sensorium.media.kind import kind_of, kind_of_file, sniff


def test_suffixes() -> None:
    for name, kind in (
        ("a.JPG", Kind.IMAGE),
        ("b.nef", Kind.IMAGE),
        ("c.heic", Kind.IMAGE),
        ("d.MOV", Kind.VIDEO),
        ("e.flac", Kind.AUDIO),
        ("f.vtt", Kind.TEXT),
        ("g.exe", None),
        ("README", None),
    ):
        assert kind_of(name) is kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", Kind.IMAGE),
        (b"\0\0\0\x18ftypheic", Kind.IMAGE),
        (b"\0\0\0\x18ftypisom", Kind.VIDEO),
        (b"\0\0\0\x18ftypM4A ", Kind.AUDIO),
        (b"BM\x10\0\0\0\0\0\0\0", Kind.IMAGE),
        (b"BMW is a maker of cars", None),
        (b"P5\n3 4", Kind.IMAGE),
        (b"P5 players are wanted", None),
        (b"\xff\xfb\x90\0", Kind.AUDIO),
        (b"\xff\xf1\x50\x80", Kind.AUDIO),
        (b"GIFs are pictures", None),
        ("海边".encode(), None),
        ("海边".encode("utf-16"), None),
        (b"", None),
        ((b"G" + bytes(187)) * 3, Kind.VIDEO),
        ((bytes(4) + b"G" + bytes(187)) * 3, Kind.VIDEO),
        (b"G" * 600, Kind.VIDEO),
    ],
)
def test_first_bytes(head: bytes, kind: Kind | None) -> None:
    assert sniff(head[:512]) is kind


def png() -> bytes:
    out = io.BytesIO()
    Pillow.new("RGB", (4, 3), "red").save(out, "PNG")
    return out.getvalue()


def test_what_a_person_gave(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(png())
    assert isinstance(Media.of(path), Image)
    assert isinstance(Media.of(str(path)), Image)
    assert isinstance(Media.of(png()), Image)
    assert isinstance(Media.of(Pillow.new("RGB", (4, 3))), Image)
    assert isinstance(Media.of(np.zeros((3, 4, 3), np.uint8)), Image)
    assert isinstance(Media.of("two dogs"), Text)
    assert isinstance(Media.of("27/02/2019"), Text)
    assert isinstance(Media.of(text(str(path))), Text)
    image = Media.of(path, Image)
    assert isinstance(image, Image)
    assert image.pixels(2).shape == (3, 4, 3)
    with pytest.raises(InputError, match="is not a text") as told:
        Media.of(path, Text)
    assert told.value.why == "it is an image"
    with pytest.raises(NotFound):
        Media.of("absent.jpg")
    with pytest.raises(InputError, match="folder"):
        Media.of(tmp_path)
    with pytest.raises(InputError, match="no kind"):
        Media.of(b"words", Image)


@pytest.mark.skipif(os.name == "nt", reason="no pipes with names")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        Media.of(tmp_path / "pipe")


def test_a_span_after_the_name(tmp_path: Path) -> None:
    for name in ("clip.mp4", "me@10s"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypisom")
    clip = Media.of(f"{tmp_path}/clip.mp4@10s-20.5s")
    assert isinstance(clip, Video)
    assert clip.span == Span(10, 20.5)
    assert Media.of(f"{tmp_path}/me@10s").span is None


def test_a_gif_is_what_it_does(tmp_path: Path) -> None:
    frames = [Pillow.new("P", (4, 3), index) for index in range(2)]
    frames[0].save(tmp_path / "still.gif")
    frames[0].convert("RGB").save(
        tmp_path / "moving.gif",
        save_all=True,
        append_images=[Pillow.new("RGB", (4, 3), "red")],
        loop=0,
    )
    assert kind_of_file(tmp_path / "still.gif") is Kind.IMAGE
    assert kind_of_file(tmp_path / "moving.gif") is Kind.VIDEO
    assert isinstance(Media.of((tmp_path / "moving.gif").read_bytes()), Video)
    assert isinstance(Media.of((tmp_path / "still.gif").read_bytes()), Image)


def test_sounds(tmp_path: Path) -> None:
    import wave

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(4 * 4000))
    assert isinstance(Media.of(path), Audio)
    assert probe_sound(path) == AudioFacts(0.5, 8000, 2)
    assert probe_sound(path.read_bytes()) == AudioFacts(0.5, 8000, 2)
    with pytest.raises(InputError):
        probe_sound(b"no sound at all")
    (tmp_path / "x.png").write_bytes(png())
    with pytest.raises(InputError):
        probe_sound(tmp_path / "x.png")
