"""Models from the command line: list, look, choose, remove. Fetching is told in tests/runtime."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ended = subprocess.CompletedProcess[bytes]
Run = Callable[..., Ended]
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture
def cache(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A Hub's cache that holds `lab/clip`, and half of `lab/half` at a commit of the same name."""
    environment["HF_HOME"] = str(tmp_path / "hf")
    hub = tmp_path / "hf" / "hub"
    for name, files in {
        "clip": ("onnx/vision_model.onnx", "onnx/text_model.onnx", "config.json", "README.md"),
        "half": ("onnx/vision_model.onnx", "config.json"),
    }.items():
        folder = hub / f"models--lab--{name}"
        for number, file in enumerate(files):
            blob = folder / "blobs" / f"{number}"
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(_content(file))
            link = folder / "snapshots" / COMMIT / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(blob)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(COMMIT)
    return hub


def _content(file: str) -> bytes:
    match file:
        case "config.json":
            return b'{"model_type": "clip"}'
        case "README.md":
            return b"---\nlicense: mit\n---\n"
        case _:
            return b"x" * 500_000


def records(ended: Ended) -> list[dict[str, Any]]:
    assert ended.returncode == 0, ended.stderr.decode()
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_the_list_tells_states_and_choices(sensorium: Run, cache: Path, home: Path) -> None:
    rows = {row["name"]: row for row in records(sensorium("models", "list", "--json"))}
    assert rows["dual-tower"]["state"] == "built in"
    assert rows["chinese-clip-b16"]["state"] == "to fetch"
    assert rows["chinese-clip-b16"]["source"].startswith("https://")
    assert rows["hf:lab/clip"]["state"] == "here"
    assert rows["hf:lab/clip"]["licence"] == "mit"
    assert rows["hf:lab/clip"]["megabytes"] == pytest.approx(1.0)
    assert "hf:lab/half" not in rows
    (chosen,) = [row for row in rows.values() if "dual-tower" in row["chosen"]]
    assert chosen["name"] == f"dir:{home / 'models' / 'colours'}"
    assert b"chinese-clip-b16" in sensorium("models", "list").stdout


def test_choosing_and_going_back(sensorium: Run, cache: Path, home: Path) -> None:
    assert records(sensorium("models", "use", "hf:lab/clip", "--json")) == [
        {"type": "Chosen", "role": "dual-tower", "model": "hf:lab/clip"}
    ]
    written = tomllib.loads((home / "settings.toml").read_text())
    assert written == {"models": {"dual-tower": "hf:lab/clip"}}
    rows = records(sensorium("models", "list", "--json"))
    assert [row["name"] for row in rows if "dual-tower" in row["chosen"]] == ["hf:lab/clip"]


def test_a_built_in_model_goes_by_the_name_of_its_card_too(sensorium: Run, home: Path) -> None:
    told = [records(sensorium("models", "info", name, "--json"))[0]
            for name in ("voice-emotion", "audio-classifier")]  # fmt: skip
    assert told[0] | {"model": ""} == told[1] | {"model": ""}
    assert told[0]["spec"] == "audio-classifier"
    (chosen,) = records(sensorium("models", "use", "voice-emotion", "--json"))
    assert chosen["model"] == "audio-classifier"
    ended = sensorium("models", "pull", "voice-emotion")
    assert ended.returncode == 2 and b"built in" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("use", "hf:lab/half"), 4, b"sensorium models pull hf:lab/half"),
        (("use", "hf:lab/clip", "--for", "reader"), 2, b"serves as dual-tower"),
        (("use", "hf:lab/clip", "--for", "cook"), 3, b"dual-tower, face-classifier"),
        (("info", "hf:lab/none"), 4, b"sensorium models pull hf:lab/none"),
        (("info", "nonsense"), 3, b"sensorium models list"),
        (("pull", "dual-tower"), 2, b"built in"),
        (("pull", "hf:lab/clip"), 5, b"HF_HUB_OFFLINE"),
        (("rm", "hf:lab/clip"), 2, b"--yes"),
        (("rm", "dual-tower"), 2, b"built in"),
    ],
)
def test_what_cannot_be_is_said(
    sensorium: Run, cache: Path, arguments: tuple[str, ...], code: int, words: bytes
) -> None:
    ended = sensorium("models", *arguments, HF_HUB_OFFLINE="1")
    assert ended.returncode == code
    assert words in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_info_of_what_is_here_and_of_what_is_not(sensorium: Run, cache: Path) -> None:
    (here,) = records(sensorium("models", "info", "hf:lab/clip", "--json"))
    assert (here["family"], here["serves"], here["revision"]) == ("clip", ["dual-tower"], COMMIT)
    (absent,) = records(sensorium("models", "info", "nllb-clip-b16", "--json"))
    assert "folder" not in absent and absent["licence"] == "CC-BY-NC-4.0"
    ended = sensorium("models", "info", "nllb-clip-b16")
    assert b"sensorium models pull nllb-clip-b16" in ended.stderr


def test_removing(sensorium: Run, cache: Path) -> None:
    (told,) = records(sensorium("models", "rm", "hf:lab/clip", "--yes", "--json"))
    assert told["megabytes"] == pytest.approx(1.0, abs=0.1)
    assert not (cache / "models--lab--clip").exists()
    assert (cache / "models--lab--half" / "snapshots" / COMMIT / "config.json").exists()
    assert sensorium("models", "info", "hf:lab/clip").returncode == 4


def test_exporting_a_folder_of_another_family_is_refused(
    sensorium: Run, home: Path, tmp_path: Path
) -> None:
    ended = sensorium("models", "export", f"dir:{home / 'models' / 'colours'}", "made")
    assert ended.returncode == 2
    assert b"cannot be exported" in ended.stderr
    assert not (tmp_path / "made").exists()
