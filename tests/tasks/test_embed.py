from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError
from sensorium.results import Vectors
from sensorium.task import Progress
from sensorium.tasks import TASKS

embed = TASKS["embed"]


def film(path: Path, *shots: tuple[int, int, int]) -> Path:
    """A video of two seconds of each colour, at ten pictures a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for rgb in shots:
            for _ in range(20):
                picture = np.full((48, 64, 3), rgb, np.uint8)
                picture[:, :8] = 255 - picture[:, :8]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_picture_is_one_row_of_unit_length(tower: Any) -> None:
    picture = np.full((40, 60, 3), (220, 30, 30), np.uint8)
    got = embed(picture, model=tower)
    assert got.ids == ("the given image",) and got.values.shape == (1, tower.dimensions)
    assert np.allclose(got.values, tower.embed_images([picture]))
    assert np.linalg.norm(got.values) == pytest.approx(1, abs=1e-5)


def test_a_video_is_a_row_a_scene(tower: Any, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", (220, 30, 30), (30, 50, 220), (30, 180, 40))
    events = list(embed.stream(path, model=tower))
    got = events.pop()
    assert isinstance(got, Vectors) and len(got) == 3
    assert got.ids[0].startswith(f"{path}@0s-") and len(set(got.ids)) == 3
    assert all(isinstance(event, Progress) for event in events) and events[-1].done == 3
    assert np.argmax(got.values @ tower.embed_texts(["red", "blue", "green"]).T, 1).tolist() == [
        0,
        1,
        2,
    ]
    more = embed(path, every=1, model=tower)
    assert len(more) > len(got)
    assert len(embed(f"{path}@1s", model=tower)) == 1


def test_words_are_one_row_and_a_file_of_them_a_row_a_passage(tower: Any, tmp_path: Path) -> None:
    assert embed("red", model=tower).ids == ("red",)
    (tmp_path / "notes.txt").write_text("Red.\n\nA blue day.\n")
    got = embed(tmp_path / "notes.txt", model=tower)
    assert got.ids == (f"{tmp_path}/notes.txt#1", f"{tmp_path}/notes.txt#2")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError):
        embed(tmp_path / "empty.txt", model=tower)
