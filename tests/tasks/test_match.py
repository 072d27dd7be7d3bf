from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.errors import InputError, NotFound
from sensorium.task import Call
from sensorium.tasks import TASKS

match = TASKS["match"]


def plain(rgb: tuple[int, int, int]) -> Any:
    return np.full((40, 60, 3), rgb, np.uint8)


def test_as_a_formula_says(tower: Any) -> None:
    tower.logit_scale = 5.0
    got = match(plain((220, 30, 30)), ["red", "blue", "a cat"], model=tower)
    vectors = tower.embed_texts(["red", "blue", "a cat"])
    logits = tower.logit_scale * vectors @ tower.embed_images([plain((220, 30, 30))])[0]
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert got.best == "red"
    assert [got.scores[name] for name in ("red", "blue", "a cat")] == pytest.approx(
        wanted.tolist(), abs=1e-5
    )
    assert list(got.scores.values()) == sorted(got.scores.values(), reverse=True)
    assert got.provenance == tower.provenance and got.item == "the given image"


def test_a_text_among_pictures(tower: Any, tmp_path: Path) -> None:
    from PIL import Image

    paths = [tmp_path / "red.png", tmp_path / "blue.png"]
    for path, rgb in zip(paths, [(220, 30, 30), (30, 50, 220)], strict=True):
        Image.fromarray(plain(rgb)).save(path)
    assert match("blue", paths, model=tower).best == str(paths[1])
    with pytest.raises(NotFound):
        match("blue", [*paths, "gone.png"], model=tower)


def test_what_cannot_be_chosen_among_is_refused(tower: Any) -> None:
    red = plain((220, 30, 30))
    with pytest.raises(InputError, match="two candidates"):
        match(red, ["red", "red"], model=tower)
    with pytest.raises(InputError, match="against each other"):
        match(red, ["red", red], model=tower)


def test_several_pictures_are_a_flow(tower: Any) -> None:
    pictures = [plain((220, 30, 30)), plain((30, 50, 220))]
    results = list(match.map(pictures, among=["red", "blue"], model=tower))
    assert [one.best for one in results] == ["red", "blue"]
    assert Call(match, {"model": None}).task is match
