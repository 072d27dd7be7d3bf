"""The weights that ship: they open, are small, and give what they gave when they were made."""

import json
from pathlib import Path

import numpy as np
import pytest

from sensorium import models
from sensorium.errors import InputError
from sensorium.models.dual_tower import OwnDualTower
from sensorium.roles import DualTower
from sensorium.runtime.catalogue import BUILTIN

FOLDER = BUILTIN / "dual-tower"
LARGEST = 16_000_000  # bytes of one file


@pytest.fixture(scope="module")
def tower() -> DualTower:
    return models.open("dual-tower", DualTower)


def slope() -> np.ndarray:
    """uint8 (40, 60, 3): red grows to the right, green downwards, blue is even."""
    red, green = np.meshgrid(np.linspace(0, 255, 60), np.linspace(0, 255, 40))
    return np.stack([red, green, np.full_like(red, 128)], -1).astype(np.uint8)


def test_files_are_small_and_come_with_card_and_licence() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert {"image.onnx", "text.onnx", "tokenizer.json", "config.json", "card.md"} <= set(sizes)
    assert "LICENSE" in sizes
    assert max(sizes.values()) <= LARGEST


def test_a_folder_must_say_how_pictures_are_prepared(tmp_path: Path) -> None:
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    del config["image"]["mean"], config["text"]
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=r"does not say text\.max_length, image\.mean"):
        models.open(f"dir:{tmp_path}", DualTower)


def test_golden(tower: DualTower) -> None:
    """Five numbers each; another processor may differ in the fourth place."""
    picture = tower.embed_images([slope()])[0]
    text = tower.embed_texts(["A dog runs on the grass."])[0]
    assert picture[:5] == pytest.approx([0.0178, -0.0376, 0.0286, -0.0703, -0.0137], abs=2e-3)
    assert text[:5] == pytest.approx([0.0047, -0.1157, 0.0691, -0.0092, 0.0028], abs=2e-3)


def test_both_languages_meet(tower: DualTower) -> None:
    english = tower.embed_texts(["a dog", "a cat", "a bus", "snow", "a giraffe"])
    chinese = tower.embed_texts(["一只狗", "一只猫", "公共汽车", "雪", "长颈鹿"])
    assert (english @ chinese.T).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_a_text_does_not_depend_on_those_beside_it(tower: DualTower) -> None:
    alone = tower.embed_texts(["snow"])[0]
    long = "two dogs run over a wide field of snow towards a man in a red coat " * 3
    assert np.allclose(tower.embed_texts([long, "snow"])[1], alone, atol=1e-5)
    assert tower.embed_texts([]).shape == (0, tower.dimensions)


def test_case_and_spaces_do_not_count(tower: DualTower) -> None:
    one, other = tower.embed_texts(["A Dog", " a  dog "])
    assert np.allclose(one, other, atol=1e-6)


def test_it_is_the_family_of_its_folder(tower: DualTower) -> None:
    assert isinstance(tower, OwnDualTower)
    assert tower.dimensions == 384
    assert tower.prepare_image(slope()).shape == (3, 288, 288)
