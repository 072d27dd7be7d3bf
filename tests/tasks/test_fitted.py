"""The fit of fusion that comes with the models, and when it is used."""

import json
from pathlib import Path

import pytest

from sensorium.results.codec import decode, dumps, encode
from sensorium.results.timeline import EMOTIONS
from sensorium.runtime.catalogue import BUILTIN
from sensorium.runtime.checkpoint import digest
from sensorium.signal.fusion import FILE, Fusion, Kind
from sensorium.tasks._fitted import fusion_of


@pytest.mark.parametrize("kind", ["text", "voice", "face"])
def test_the_fit_is_of_the_models_that_ship(kind: str) -> None:
    folder = BUILTIN / f"{kind}-emotion"
    if not (folder / "config.json").is_file():
        pytest.skip("no built-in model in this tree")
    fit = decode(Fusion, json.loads((BUILTIN / FILE).read_text("utf-8")))
    assert fit.kinds[kind].revision == digest(folder)
    assert len(fit.kinds[kind].prior) == len(fit.prior) == len(EMOTIONS)
    assert fusion_of({kind: digest(folder)}).kinds[kind] == fit.kinds[kind]


def test_ones_own_fit_comes_first_and_holds_for_its_models_alone(own_home: Path) -> None:
    own_home.mkdir()
    own = Fusion({"text": Kind(2.0, 1.5, None, "t1"), "face": Kind(revision="f1")}, None, 2.0)
    (own_home / FILE).write_text(dumps(encode(own)))
    assert fusion_of({"text": "t1", "face": "f1"}) == own
    assert fusion_of({"text": "t1", "face": "f2"}).kinds == {"text": own.kinds["text"]}
    assert fusion_of({"text": "t2"}) == Fusion({}, None, 2.0)
