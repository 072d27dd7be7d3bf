"""Walking folders."""

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from sensorium.errors import NotFound
from sensorium.media.folder import Found, Skipped, walk
from sensorium.media.kind import Kind


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 3)


def below(root: Path, *exclude: str, hidden: bool = False) -> list[str]:
    found = [one for one in walk([root], exclude, hidden) if isinstance(one, Found)]
    return [one.path.relative_to(root).as_posix() for one in found]


def test_files_of_ours_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.mp4", "z/2.txt", "z/1.flac", "c.exe", "README", "y/deep/er/x.cr2")
    assert below(tmp_path) == ["a.mp4", "b.JPG", "y/deep/er/x.cr2", "z/1.flac", "z/2.txt"]
    first = next(iter(walk([tmp_path])))
    assert isinstance(first, Found)
    facts = (tmp_path / "a.mp4").stat()
    assert (first.kind, first.size, first.modified_ns) == (Kind.VIDEO, 3, facts.st_mtime_ns)


def test_hidden_and_system_folders(tmp_path: Path) -> None:
    touch(tmp_path, ".a.jpg", ".git/b.jpg", "@eaDir/c.jpg", "$RECYCLE.BIN/d.jpg", "e.jpg")
    touch(tmp_path, "System Volume Information/f.jpg", "x/__MACOSX/._g.jpg")
    assert below(tmp_path) == ["e.jpg"]
    assert len(below(tmp_path, hidden=True)) == 7


def test_globs(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.tmp.jpg", "cache/b.jpg", "2019/trip/raw/c.nef", "2019/trip/d.jpg")
    expected = ["a.jpg", "2019/trip/d.jpg"]
    assert below(tmp_path, "*.tmp.jpg", "cache", "2019/*/raw") == expected


def test_a_file_that_is_named_is_taken(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden.jpg", "notes.xyz")
    found = list(walk([tmp_path / ".hidden.jpg", tmp_path / "notes.xyz"], ["*.jpg"]))
    assert [one.path.name for one in found] == [".hidden.jpg"]


def test_a_missing_root_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        walk([tmp_path, tmp_path / "absent"])


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_and_loops(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "b")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "b" / "2.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = list(walk([tmp_path]))
    assert [one.path.name for one in found if isinstance(one, Found)] == [
        "linked.jpg",
        "1.jpg",
        "2.jpg",
    ]
    skipped = [one for one in found if isinstance(one, Skipped)]
    assert [one.reason for one in skipped] == ["it is a link to nothing"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_of_all_kinds(tmp_path: Path) -> None:
    touch(tmp_path, "海边 sunset.jpg", "ünïcode/😀.png", "new\nline.jpg")
    (tmp_path / os.fsdecode(b"bad\xff.jpg")).write_bytes(b"x")
    found = list(walk([tmp_path]))
    assert {one.path.name for one in found if isinstance(one, Found)} == {
        "海边 sunset.jpg",
        "😀.png",
        "new\nline.jpg",
    }
    assert "not valid text" in next(one for one in found if isinstance(one, Skipped)).reason


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_is_passed_by(tmp_path: Path) -> None:
    touch(tmp_path, "closed/1.jpg", "open/2.jpg")
    (tmp_path / "closed").chmod(0)
    found = list(walk([tmp_path]))
    (tmp_path / "closed").chmod(0o700)
    assert [type(one) for one in found] == [Skipped, Found]


def test_a_gif_that_moves_is_a_video(tmp_path: Path) -> None:
    red, blue = (Image.new("RGB", (300, 200), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "still.gif")
    red.save(tmp_path / "moving.gif", save_all=True, append_images=[blue])
    (tmp_path / "broken.gif").write_bytes((tmp_path / "moving.gif").read_bytes()[:60])
    kinds = {one.path.name: one.kind for one in walk([tmp_path]) if isinstance(one, Found)}
    assert kinds == {
        "broken.gif": Kind.IMAGE,
        "moving.gif": Kind.VIDEO,
        "still.gif": Kind.IMAGE,
    }


def test_walking_streams(tmp_path: Path) -> None:
    """The first file comes before the last folder is looked at."""
    touch(tmp_path, *(f"{number:03}/x.jpg" for number in range(50)))
    walking = walk([tmp_path])
    next(walking)
    (tmp_path / "049" / "x.jpg").unlink()
    assert sum(1 for _ in walking) == 48
