"""Tasks from the command line: how arguments bind, what comes out."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sensorium.results import Result, Scores, Vectors

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def scores(ended: subprocess.CompletedProcess[bytes]) -> Scores:
    assert ended.returncode == 0, ended.stderr.decode()
    return Scores.from_json(ended.stdout.decode())


def test_a_picture_among_texts_and_a_text_among_pictures(sensorium: Run, pictures: Path) -> None:
    seen = scores(sensorium("match", "pictures/red.png", "blue", "red", "--json"))
    assert seen.best == "red" and seen.item == "pictures/red.png"
    assert sum(seen.scores.values()) == pytest.approx(1)
    files = ["pictures/green.png", "pictures/blue.png", "pictures/red.png"]
    assert scores(sensorium("match", "the red one", *files, "--json")).best == files[2]


def test_a_pipe_gets_lines_best_first(sensorium: Run, pictures: Path) -> None:
    lines = sensorium("match", "pictures/green.png", "red", "green").stdout.decode().splitlines()
    assert [line.split("\t")[1] for line in lines] == ["green", "red"]


def test_stdin_is_a_picture_or_words(sensorium: Run, pictures: Path) -> None:
    picture = (pictures / "blue.png").read_bytes()
    assert scores(sensorium("match", "-", "red", "blue", "--json", stdin=picture)).best == "blue"
    words = "一个红的\n".encode()
    files = ["pictures/blue.png", "pictures/red.png"]
    assert scores(sensorium("match", "-", *files, "--json", stdin=words)).best == files[1]
    assert (
        scores(sensorium("match", "-", *files, "--json", stdin="一个红的".encode("gb18030"))).best
        == files[1]
    )
    assert sensorium("match", "-", *files).returncode == 2
    assert b"no text" in sensorium("match", "-", *files, stdin=bytes(range(256)) * 9).stderr


def test_several_paths_are_done_one_by_one_and_the_bad_one_is_told_at_the_end(
    sensorium: Run, pictures: Path
) -> None:
    ended = sensorium("embed", "pictures/red.png", "pictures/broken.jpg", "gone.png",
                      "pictures/blue.png", "--json")  # fmt: skip
    results = [Result.from_json(line) for line in ended.stdout.decode().splitlines()]
    names = [one.ids[0] for one in results if isinstance(one, Vectors)]
    assert names == ["pictures/red.png", "pictures/blue.png"]
    failed = [json.loads(line) for line in ended.stderr.decode().splitlines()]
    assert [one["code"] for one in failed] == [2, 3]
    assert ended.returncode == 0


def test_the_first_failure_is_the_exit_code_where_all_failed(sensorium: Run) -> None:
    assert sensorium("embed", "gone.png", "away.png").returncode == 3


def test_a_folder_stands_for_what_is_in_it(sensorium: Run, pictures: Path) -> None:
    ended = sensorium("embed", "pictures")
    assert [line.split(b"\t")[0] for line in ended.stdout.splitlines()] == [
        b"pictures/blue.png",
        b"pictures/green.png",
        b"pictures/red.png",
    ]
    assert b"broken.jpg" in ended.stderr
    assert sensorium("read", str(pictures.parent / "home")).returncode == 2
    empty = sensorium("embed", "")
    assert empty.returncode == 2 and b"names no file" in empty.stderr


def test_vectors_are_saved_for_numpy_and_by_line(
    sensorium: Run, pictures: Path, tmp_path: Path
) -> None:
    assert sensorium("embed", "pictures/red.png", "pictures/blue.png", "--save", "v.npz").stdout
    with np.load(tmp_path / "v.npz") as saved:
        assert saved["ids"].tolist() == ["pictures/red.png", "pictures/blue.png"]
        assert np.allclose(np.linalg.norm(saved["values"], axis=1), 1)
        assert saved["model"].item().startswith("dir:")
    assert sensorium("embed", "pictures/red.png", "--save", "v.jsonl").returncode == 0
    row = json.loads((tmp_path / "v.jsonl").read_text())
    assert row["id"] == "pictures/red.png" and len(row["vector"]) == 3
    refused = sensorium("embed", "pictures/red.png", "--save", "no/where.npz")
    assert (refused.returncode, refused.stdout) == (2, b"")  # before any work is done


def test_a_text_file_has_a_vector_a_passage(sensorium: Run, tmp_path: Path) -> None:
    cues = "1\n00:00:01,000 --> 00:00:02,500\nred\n\n2\n00:00:03,000 --> 00:00:04,000\nblue\n"
    (tmp_path / "said.srt").write_text(cues)
    lines = sensorium("embed", "said.srt").stdout.decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["said.srt@1s-2.5s", "said.srt@3s-4s"]


def test_a_page_stands_alone(sensorium: Run, pictures: Path, tmp_path: Path) -> None:
    label = "<script> alert(1) </script>"
    ended = sensorium("match", "pictures/red.png", label, "red", "--html", "page.html")
    assert ended.returncode == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert label not in page and "&lt;script&gt; alert(1)" in page
    assert "http://" not in page and "https://" not in page


def test_pictures_and_texts_are_not_weighed_against_each_other(
    sensorium: Run, pictures: Path
) -> None:
    ended = sensorium("match", "pictures/red.png", "red", "pictures/blue.png")
    assert ended.returncode == 2 and b"ask twice" in ended.stderr
    assert sensorium("match", "pictures/red.png", "red").returncode == 2


def test_words_are_read_out_of_a_picture(sensorium: Run, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    from PIL import ImageDraw, ImageFont

    page = Image.new("RGB", (400, 120), "white")
    pen = ImageDraw.Draw(page)
    pen.text((20, 30), "Departure 12:45", font=ImageFont.load_default(36), fill="black")
    page.save(tmp_path / "sign.png")
    ended = sensorium("read", "sign.png", "--draw", "drawn.png")
    assert b"12:45" in ended.stdout and ended.stderr == b"drawn drawn.png\n"
    drawn = Image.open(io.BytesIO((tmp_path / "drawn.png").read_bytes()))
    assert drawn.size == page.size and drawn.convert("RGB").getcolors(1 << 20) != page.getcolors()
