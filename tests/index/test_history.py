"""Whatever happens to a folder, a library that is brought up to date says what lies there."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sensorium.index import Index

NAMES = st.sampled_from(["a.png", "b.png", "sub/a.png", "sub/c.png", "日.png"])
STEPS = st.one_of(
    st.tuples(st.just("paint"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("spoil"), NAMES, st.integers(0, 1)),
    st.tuples(st.just("move"), NAMES, NAMES),
    st.tuples(st.just("copy"), NAMES, NAMES),
    st.tuples(st.just("delete"), NAMES, st.none()),
    st.tuples(st.just("add"), st.none(), st.none()),
    st.tuples(st.just("compact"), st.none(), st.none()),
)


class Folder:
    """A folder and what lies in it: name → a picture's seed, or None for a broken file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, int | None] = {}
        self.stamp = 10**18
        (path / "sub").mkdir(parents=True)
        (path / "keeps the folder from being empty.dat").touch()

    def step(self, what: str, one: Any, two: Any) -> None:
        target = self.path / str(one)
        match what:
            case "paint":
                colour = np.random.default_rng(two).integers(0, 256, (1, 1, 3), np.uint8)
                Image.fromarray(colour.repeat(8, 0).repeat(8, 1)).save(target)
                self.files[one] = two
            case "spoil":
                target.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([two]))
                self.files[one] = None
            case "move" if one in self.files and one != two:
                target.replace(self.path / two)
                self.files[two] = self.files.pop(one)
                return  # a moved file keeps its time of change
            case "copy" if one in self.files and one != two:
                shutil.copy(target, self.path / two)
                self.files[two] = self.files[one]
                target = self.path / two
            case "delete" if one in self.files:
                target.unlink()
                del self.files[one]
                return
            case _:
                return
        self._touch(target)

    def _touch(self, path: Path) -> None:
        """A new time of change each: a test is faster than a file system's clock."""
        self.stamp += 10**9
        os.utime(path, ns=(self.stamp, self.stamp))


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_a_library_says_what_lies_there(towers: Any, steps: list[tuple[str, Any, Any]]) -> None:
    tower = towers()
    with tempfile.TemporaryDirectory() as place, Index(home=Path(place) / "home") as index:
        folder = Folder(Path(place) / "photos")
        painted: set[int] = set()
        forgotten = 0
        for step in [*steps, ("add", None, None)]:
            if step[0] == "add":
                index.add(folder.path, model=tower)
                painted |= {seed for seed in folder.files.values() if seed is not None}
            elif step[0] == "compact":
                index.compact()
                forgotten += 4
            else:
                folder.step(*step)
        said = {entry.path.relative_to(folder.path).as_posix(): entry for entry in index}
        assert set(said) == set(folder.files)
        for name, seed in folder.files.items():
            assert said[name].state == ("bad" if seed is None else "ok")
            if seed is not None:
                (hit,) = index.store.db.execute(
                    "SELECT v.value FROM items i JOIN spans s ON s.content = i.content"
                    " JOIN vectors v ON v.span = s.id WHERE i.path = ?",
                    (str(folder.path / name),),
                ).fetchall()
                pixels = np.asarray(Image.open(folder.path / name).convert("RGB"))
                vector = np.frombuffer(hit[0], np.float16).astype(np.float32)
                np.testing.assert_allclose(vector, tower.embed_images([pixels])[0], atol=2e-3)
                tower.pictures -= 1
        assert tower.pictures <= len(painted) + forgotten
        assert index.add(folder.path, model=tower).unchanged == len(folder.files)
