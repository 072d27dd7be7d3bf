"""A library from the command line: index, search, look into it, stop and go on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sensorium.results import Hits
from sensorium.surfaces.cli._out import Out

Ended = subprocess.CompletedProcess[bytes]
Run = Callable[..., Ended]

# What a sitecustomize does runs before anything else in the process.
NO_NETWORK = """
import socket
def refuse(*_, **__):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
"""


def hits(ended: Ended) -> Hits:
    assert ended.returncode == 0, ended.stderr.decode()
    return Hits.from_json(ended.stdout.decode())


def test_indexing_tells_what_it_did_and_a_bad_file_is_no_failure(
    sensorium: Run, pictures: Path
) -> None:
    ended = sensorium("index", "pictures", "--json")
    told = json.loads(ended.stdout)
    assert (told["type"], told["new"], told["bad"], told["seen"]) == ("Added", 3, 1, 4)
    assert ended.returncode == 0
    again = sensorium("index")
    assert b"4 files: " in again.stdout and b"unchanged" in again.stdout
    told_to_people = sensorium("index", "pictures", "--library", "other")
    assert b"sensorium doctor --library other" in told_to_people.stderr


def test_words_find_the_picture(look: Run, seen: Path) -> None:
    found = hits(look("search", "something", "red", "--json"))
    assert found.hits[0].path == seen / "red.png"
    assert found.query == "something red" and found.searched == 3
    line = look("search", "红色").stdout.decode().splitlines()[0]
    assert line.split("\t")[1] == "pictures/red.png"


def test_a_picture_finds_pictures_and_terms_are_added_and_subtracted(look: Run, seen: Path) -> None:
    found = hits(look("search", "pictures/green.png", "--json"))
    assert found.hits[0].path == seen / "green.png"
    without = hits(look("search", "pictures/green.png", "+", "blue", "-", "green", "--json"))
    assert without.hits[0].path == seen / "blue.png"


def test_the_query_comes_from_stdin_behind_an_at(look: Run, seen: Path) -> None:
    assert hits(look("search", "@-", "--json", stdin=b"blue")).hits[0].path.name == "blue.png"
    picture = (seen / "blue.png").read_bytes()
    found = hits(look("search", "@-", "--json", stdin=picture))
    assert found.hits[0].path.name == "blue.png"


def test_options_narrow_a_search(look: Run, seen: Path) -> None:
    assert len(hits(look("search", "red", "-k", "1", "--json"))) == 1
    assert not hits(look("search", "red", "--kind", "video", "--json")).hits
    only = hits(look("search", "red", "--path", "*/blue.*", "--json"))
    assert [hit.path.name for hit in only.hits] == ["blue.png"]
    assert look("search", "red", "--kind", "smell").returncode == 2
    assert look("search", "red", "--near", "here").returncode == 2
    assert look("search", "red", "--since", "2024-02-01", "--until", "2024-01-01").returncode == 2


def test_paths_end_in_zero_bytes_where_asked(look: Run, seen: Path) -> None:
    paths = look("search", "red", "-k", "2", "-0").stdout.split(b"\0")
    assert paths[0] == os.fsencode(seen / "red.png") and paths[2] == b""


def test_where_moments_go_is_checked_first(look: Run, seen: Path) -> None:
    ended = look("search", "red", "--playlist", "list.m3u8")
    assert ended.returncode == 0 and b"written list.m3u8" in ended.stderr
    for way in (["--clips", "pictures/red.png"], ["--playlist", "no/list.m3u8"]):
        ended = look("search", "red", *way)
        assert (ended.returncode, ended.stdout) == (2, b"")  # before any work is done


def test_lines_of_a_text_are_searched_without_a_library(
    sensorium: Run, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text("a green thing\n\na blue thing\n")
    found = hits(sensorium("search", "pictures/blue.png", "--among", "labels.txt", "--json"))
    assert [hit.text for hit in found] == ["a blue thing", "a green thing"]
    plain = sensorium("search", "pictures/blue.png", "--among", "labels.txt").stdout.decode()
    assert plain.splitlines()[0].split("\t")[1:] == ["labels.txt", "a blue thing"]
    assert sensorium("libraries", "list", "--json").stdout == b""


def test_a_library_that_is_not_there_is_not_made_by_looking(look: Run, seen: Path) -> None:
    for command in (
        ["search", "red", "--library", "typo"],
        ["libraries", "info", "typo"],
        ["doctor", "--library", "typo"],
    ):
        ended = look(*command)
        assert ended.returncode == 3 and b"default" in ended.stderr
    listed = [json.loads(line) for line in look("libraries", "list", "--json").stdout.splitlines()]
    assert [one["name"] for one in listed] == ["default"]


def test_a_slip_of_the_pen_makes_no_library(sensorium: Run, pictures: Path) -> None:
    for slip in (["nowhere"], ["pictures", "--model", "nobody"], ["pictures", "--with", "nothing"]):
        assert sensorium("index", *slip).returncode == 3
    assert sensorium("libraries", "list", "--json").stdout == b""


def test_what_is_bad_is_listed_with_its_reason(look: Run, seen: Path) -> None:
    line = look("doctor", "--library", "default").stdout.decode().rstrip("\n")
    state, path, reason = line.split("\t")
    assert (state, path) == ("bad", str(seen / "broken.jpg")) and reason
    empty = look("search", "red", "--path", "nowhere/*")
    assert (empty.stdout, empty.stderr) == (b"", b"nothing here matches\n")
    told = json.loads(look("doctor", "--library", "default", "--json").stdout)
    assert told["state"] == "bad" and told["reason"] == reason


def test_a_name_does_not_steer_the_terminal(
    sensorium: Run, pictures: Path, environment: dict[str, str]
) -> None:
    pty = pytest.importorskip("pty")
    name = "red\x1b]0;title\x07.jpg"
    (pictures / name).write_bytes(b"no picture")
    assert sensorium("index", "pictures").returncode == 0
    command = [sys.executable, "-m", "sensorium", "doctor", "--library", "default"]
    above, below = pty.openpty()
    subprocess.run(command, stdout=below, stderr=below, env=environment, check=True)
    os.close(below)
    told = os.read(above, 1 << 16)
    os.close(above)
    assert b"red" in told and b"]0;title" in told and b"\x1b]0;" not in told
    assert name.encode() in sensorium("doctor", "--library", "default").stdout


def test_a_library_is_exported_and_deleted(sensorium: Run, pictures: Path, tmp_path: Path) -> None:
    assert sensorium("index", "pictures").returncode == 0
    assert sensorium("libraries", "export", "default", "all.jsonl").returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert {row["state"] for row in rows} == {"ok", "bad"} and len(rows) == 4
    links = sensorium("libraries", "export", "default", "links", "--format", "links")
    assert b"wrote 3 files" in links.stderr and len(list((tmp_path / "links").iterdir())) == 3
    assert sensorium("libraries", "rm", "default").returncode == 2
    assert sensorium("libraries", "rm", "default", "--yes").returncode == 0
    assert (pictures / "red.png").exists()
    assert sensorium("libraries", "info", "default").returncode == 3


def test_nothing_asks_the_network(
    sensorium: Run, environment: dict[str, str], pictures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "offline"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    environment["PYTHONPATH"] += os.pathsep + str(folder)
    code = "import sensorium, socket; socket.getaddrinfo('localhost', 1)"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert b"the network was asked" in ended.stderr  # the guard guards
    for command in (["index", "pictures", "--with", "read"], ["search", "red"], ["doctor"]):
        ended = sensorium(*command)
        assert ended.returncode == 0, ended.stderr.decode()


def test_ctrl_c_keeps_what_is_done(
    sensorium: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(80):
        Image.new("RGB", (8, 8), (200, number, 0)).save(folder / f"{number:03}.png")
    command = [sys.executable, "-m", "sensorium", "index", str(folder)]
    slowly = environment | {"COLOURS_PAUSE": "3"}  # a batch: the whole would take 15 seconds
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=slowly) as program:
        library = Path(environment["SENSORIUM_HOME"]) / "libraries" / "default" / "library.sqlite"
        until = time.monotonic() + 30
        while not library.exists() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(1)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        assert program.stderr is not None
        told = program.stderr.read().decode().splitlines()
    assert told == ["what is done is kept; the same command goes on from there", "stopped"]
    again = json.loads(sensorium("index", str(folder), "--json").stdout)
    assert again["seen"] == 80 and again["new"] + again["unchanged"] == 80
    assert hits(sensorium("search", "red", "--json")).searched == 80


def test_files_that_show_the_same_are_listed_together(
    sensorium: Run, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "twin.png").write_bytes((pictures / "blue.png").read_bytes())
    assert sensorium("index", "pictures").returncode == 0
    lines = sensorium("libraries", "duplicates").stdout.decode().splitlines()
    assert lines == [str(pictures / "blue.png"), str(pictures / "twin.png")]
    told = json.loads(sensorium("libraries", "duplicates", "--json").stdout)
    assert told == {"type": "Duplicates", "paths": lines}


def test_a_watched_folder_is_followed_until_ctrl_c(
    environment: dict[str, str], pictures: Path
) -> None:
    command = [sys.executable, "-m", "sensorium", "index", str(pictures), "--watch", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        assert json.loads(program.stdout.readline())["new"] == 3
        Image.new("RGB", (8, 8), (250, 250, 0)).save(pictures / "yellow.png")
        assert json.loads(program.stdout.readline())["new"] == 1
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 130
        assert b"Traceback" not in program.stderr.read()


def test_what_is_found_by_its_name_alone_is_counted_so(sensorium: Run, pictures: Path) -> None:
    sound = pictures / "tone.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 8000)
    assert b"1 found by name alone" in sensorium("index", "pictures").stdout
    told = sensorium("doctor", "--library", "default").stderr
    assert b"3 can be found, 1 by name alone, 1 cannot be read" in told


def test_a_long_value_goes_on_below_its_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    Out().table([("model", "word " * 20)])
    assert capsys.readouterr().out.count("\n") == 1  # a pipe has no width
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Out().table([("model", "word " * 20)])
    plain = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    first, *rest = plain.splitlines()
    assert first.startswith("model  word") and len(rest) > 1
    assert all(line.startswith(" " * 7) for line in rest)
