"""The real program in a process of its own, and a family that another package adds to it.

The family sees colours: a small true dual tower without weights, so that every test is quick.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

FAMILY = """
import os
import time
import numpy as np
from sensorium.roles import DualTower

ROLES = (DualTower,)
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "红": (255, 0, 0)}


def load(checkpoint, device):
    return Colours(checkpoint)


class Colours:
    dimensions, image_size, logit_scale, logit_bias = 3, 8, 10.0, 0.0

    def __init__(self, checkpoint):
        self.provenance = checkpoint.provenance

    def prepare_image(self, picture):
        return picture.mean(axis=(0, 1)).astype(np.float32)[:, None, None]

    def encode_images(self, tensors):
        time.sleep(float(os.environ.get("COLOURS_PAUSE", 0)))
        return unit(tensors.mean(axis=(2, 3)))

    def embed_images(self, pictures):
        return self.encode_images(np.stack([self.prepare_image(one) for one in pictures]))

    def embed_texts(self, texts):
        found = [[COLOURS[word] for word in COLOURS if word in text] for text in texts]
        return unit(np.array([np.sum(one or [(1, 1, 1)], axis=0) for one in found], np.float32))


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
"""

Ended = subprocess.CompletedProcess[bytes]
Run = Callable[..., Ended]
Install = Callable[[str, str, str], None]


def add_guest(site: Path, name: str, code: str, group: str) -> None:
    """A distribution as pip leaves one: a module and its entry point."""
    module = f"guest_{name.replace('-', '_')}"
    (site / f"{module}.py").write_text(code, "utf-8")
    told = site / f"{module}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the other package is installed."""
    folder = tmp_path_factory.mktemp("site")
    add_guest(folder, "colours", FAMILY, "sensorium.models")
    return folder


@pytest.fixture
def install(tmp_path: Path, environment: dict[str, str]) -> Install:
    """`install(name, code, group)`: a package of this test alone."""
    folder = tmp_path / "site"
    folder.mkdir()
    environment["PYTHONPATH"] += os.pathsep + str(folder)

    def add(name: str, code: str, group: str) -> None:
        add_guest(folder, name, code, group)

    return add


def make_home(folder: Path) -> Path:
    """A SENSORIUM_HOME of its own, whose chosen dual tower sees colours."""
    home = folder / "home"
    model = home / "models" / "colours"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "colours"}')
    (home / "settings.toml").write_text(f"[models]\ndual-tower = {json.dumps(f'dir:{model}')}\n")
    return home


def make_environment(site: Path, home: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {
        "PYTHONPATH": str(site),
        "SENSORIUM_HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
    }


def make_run(folder: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str, stdin: bytes = b"", **more: str) -> Ended:
        return subprocess.run(
            [sys.executable, "-m", "sensorium", *arguments],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env=environment | more,
            timeout=60,
        )

    return run


def make_pictures(folder: Path) -> Path:
    """A folder of red, green and blue pictures, and one that is broken."""
    made = folder / "pictures"
    made.mkdir()
    colours = {"red": (230, 20, 20), "green": (20, 200, 30), "blue": (30, 40, 220)}
    for colour, rgb in colours.items():
        Image.new("RGB", (32, 24), rgb).save(made / f"{colour}.png")
    (made / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    return made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def environment(site: Path, home: Path) -> dict[str, str]:
    return make_environment(site, home)


@pytest.fixture
def sensorium(tmp_path: Path, environment: dict[str, str]) -> Run:
    """`sensorium(*arguments)`, run in the test's folder."""
    return make_run(tmp_path, environment)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_pictures(tmp_path)


@pytest.fixture(scope="session")
def indexed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A library for all tests that only look, and the pictures in it."""
    folder = tmp_path_factory.mktemp("indexed")
    run = make_run(folder, make_environment(site, make_home(folder)))
    made = make_pictures(folder)
    ended = run("index", "pictures")
    assert ended.returncode == 0, ended.stderr.decode()
    return run, made


@pytest.fixture
def look(indexed: tuple[Run, Path]) -> Run:
    return indexed[0]


@pytest.fixture
def seen(indexed: tuple[Run, Path]) -> Path:
    return indexed[1]
