"""The recipe of the reader of faces, on a narrow network and faces made up here."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium.errors import InputError  # noqa: E402
from sensorium.models.face_emotion import VOTED, FaceEmotionReader, tempered  # noqa: E402
from sensorium.results.timeline import EMOTIONS  # noqa: E402
from sensorium.roles import Face  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train import run  # noqa: E402
from sensorium.train.encoders import EfficientNetLite  # noqa: E402
from sensorium.train.expressions import Faces, read_expressions  # noqa: E402
from sensorium.train.face_emotion import FaceEmotion, enlarged, mixed, varied  # noqa: E402
from sensorium.train.loop import BEST  # noqa: E402
from sensorium.train.recipes import face_emotion as recipe  # noqa: E402
from sensorium.train.starts import Start  # noqa: E402


def encoded(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (48, 48), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def votes(name: str) -> list[int]:
    told = [0] * len(VOTED)
    told[VOTED.index(name)] = 7
    told[VOTED.index("neutral")] += 3
    return told


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """24 faces to train on, 8 held back; besides, one without votes and one that is held too."""
    from pyarrow import parquet

    rows: list[tuple[Any, ...]] = []
    for number in range(32):
        name = EMOTIONS[number % 7]
        usage = "PublicTest" if number >= 24 else "Training"
        rows.append((encoded(number), name, usage, votes(name)))
    rows.append((encoded(40), "fear", "Training", None))
    rows.append((encoded(30), "fear", "Training", votes("fear")))
    names = ("image", "emotion", "usage", "votes")
    columns = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    parquet.write_table(pa.table(columns), tmp_path / "faces.parquet")
    return tmp_path / "faces.parquet"


def test_faces_that_teach_nothing_are_left_out(data: Path) -> None:
    split = read_expressions(data)
    assert (len(split.train), len(split.held)) == (24, 8)
    assert (split.unvoted, split.repeats) == (1, 1)


def test_nothing_held_back_is_refused(tmp_path: Path, data: Path) -> None:
    from pyarrow import parquet

    table = parquet.read_table(data)
    parquet.write_table(table.filter(pa.compute.equal(table["usage"], "Training")), data)
    with pytest.raises(InputError, match="cannot be trained on"):
        read_expressions(data)


def test_votes_become_shares() -> None:
    told = np.zeros((4, 10), np.int64)
    told[0, VOTED.index("fear")], told[0, VOTED.index("surprise")] = 6, 4
    told[1, VOTED.index("anger")], told[1, VOTED.index("neutral")] = 9, 1  # one vote: a slip
    told[2, VOTED.index("unknown")], told[2, VOTED.index("anger")] = 6, 4
    faces = Faces(np.zeros((4, 48, 48), np.uint8), np.zeros(4, np.int64), told)
    shares = faces.shares()
    assert shares[0, EMOTIONS.index("fear")] == pytest.approx(0.6)
    assert shares[1].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert not shares[2].any() and not shares[3].any()
    assert faces.majority().tolist() == [EMOTIONS.index("fear"), 0, -1, -1]


def test_votes_say_what_such_faces_are_filed_under() -> None:
    # Faces that all call fear are filed under it in 6 of 10, under surprise in 4.
    fear, surprise = EMOTIONS.index("fear"), EMOTIONS.index("surprise")
    told = np.zeros((200, 10), np.int64)
    told[:100, VOTED.index("fear")] = told[100:, VOTED.index("neutral")] = 10
    labels = np.where(np.arange(100) % 10 < 6, fear, surprise)
    calm = np.full(100, EMOTIONS.index("neutral"))
    faces = Faces(np.zeros((200, 48, 48), np.uint8), np.concatenate([labels, calm]), told)
    filed = faces.filed_as()
    assert filed[:100, [fear, surprise]] == pytest.approx(np.array([[0.6, 0.4]] * 100), abs=0.03)
    assert filed[100:, EMOTIONS.index("neutral")].min() > 0.95
    wanted = recipe.targets(faces, 0.0, 0.5)
    assert wanted[0, fear] == pytest.approx(0.8, abs=0.02)  # half its own label, half theirs
    assert recipe.targets(faces, 0.0)[0, fear] == 1


def net(frozen: int = 2) -> FaceEmotion:
    torch.manual_seed(0)
    return FaceEmotion(EfficientNetLite(0.25, 1.0), 7, frozen, 0.0)


def test_folded_norms_compute_the_same() -> None:
    model, faces = net(), torch.rand(70, 48, 48) * 255
    twin = net()
    lower = [twin.net.stem, *twin.net.blocks[:2]]
    twin.train()
    for part in lower:
        for norm in part.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.reset_running_stats()
                norm.momentum = None
    with torch.no_grad():
        for part in faces.split(64):
            twin.net.lower(((part - 127) / 128)[:, None], 2)
    model.settle(faces)
    with torch.no_grad():
        assert torch.allclose(model.eval()(faces), twin.eval()(faces), atol=1e-4)
    assert not any(one.requires_grad for one in model.net.stem.parameters())


def test_only_what_is_not_frozen_learns() -> None:
    model = net()
    model.settle(torch.rand(8, 48, 48) * 255)
    model.train()(torch.rand(4, 48, 48) * 255).square().sum().backward()
    learnt = [one.grad is not None for one in model.net.blocks[2].parameters()]
    assert all(learnt) and model.net.blocks[1].steps[0][0].weight.grad is None


def test_faces_are_varied_but_stay_faces() -> None:
    torch.manual_seed(1)
    faces = torch.full((16, 48, 48), 100.0)
    faces[:, :24] = 200.0
    seen = varied(faces, 64)
    assert seen.shape == (16, 64, 64) and seen.min() >= 0 and seen.max() <= 255
    assert len({float(one.mean()) for one in seen}) == 16
    upper, lower = seen[:, :20].mean((1, 2)), seen[:, 44:].mean((1, 2))
    assert (upper > lower).float().mean() > 0.8  # none stands on its head


def test_mixing_keeps_the_greater_part() -> None:
    torch.manual_seed(0)
    targets = torch.eye(8)
    x = torch.arange(8.0)[:, None, None].expand(8, 4, 4)
    seen, wanted = mixed(x, targets, 0.4)
    assert torch.allclose(wanted.sum(1), torch.ones(8))
    assert (wanted.diagonal() >= 0.5).all()
    assert torch.allclose(seen[:, 0, 0], wanted @ torch.arange(8.0))


def test_the_fit_finds_the_temperature_of_each_head() -> None:
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 7, 2000)
    told = np.zeros((2000, 10), np.int64)
    for row, label in enumerate(labels):
        told[row, VOTED.index(EMOTIONS[label])] = 10
    told[0] = 0
    faces = Faces(np.zeros((2000, 48, 48), np.uint8), labels, told)
    # Right in 70 of 100: the first head is twice as sure as it may be, the second half as sure.
    sure = np.log(0.7 / 0.3 * 6)
    said = np.eye(7)[np.where(chance.random(2000) < 0.7, labels, (labels + 1) % 7)]
    logits = np.concatenate([said * sure * 2, said * sure / 2], 1).astype(np.float32)
    temperatures, figures = recipe.fit(logits, faces)
    assert temperatures["label"] == pytest.approx(2, abs=0.2)
    assert temperatures["crowd"] == pytest.approx(0.5, abs=0.1)
    for head, n in (("label", 2000), ("crowd", 1999)):
        assert figures[head]["n"] == n
        assert figures[head]["calibration error after"] < 0.05
        assert figures[head]["calibration error before"] > 0.1


def test_two_steps_make_a_folder_that_reads_faces(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = EfficientNetLite(0.25, 1.0)
    monkeypatch.setattr(recipe, "load_efficientnet_lite", lambda *_: (narrow, None))
    monkeypatch.setattr(Start, "path", lambda self: Path(self.file))
    out = tmp_path / "run"
    fields: dict[str, Any] = {"data": str(data), "out": str(out), "device": "cpu"}
    ended = run("face-emotion", None, steps=2, batch=8, validate_every=2, **fields)
    assert ended.why == "done" and set(ended.figures) >= {"label accuracy", "votes accuracy"}
    reader = FaceEmotionReader(Checkpoint(Folder(out), out, "1"), Device.CPU)
    held = read_expressions(data).held
    picture = np.repeat(held.pixels[0][..., None], 3, axis=2)
    whole = Face((5.28, 8.64, 42.72, 46.08), 1.0)
    found = reader.classify_faces(picture, [whole])
    assert reader.labels == EMOTIONS and found.shape == (1, 7)

    model = FaceEmotion(EfficientNetLite(0.25, 1.0), 7, 3, 0.3)
    model.settle(torch.zeros(2, 64, 64))
    model.load_state_dict(torch.load(out / BEST, weights_only=True))
    x = enlarged(torch.from_numpy(held.pixels[:1]).float(), 64)
    with torch.no_grad():
        logits = (model.eval()(x) + model(x.flip(-1))) / 2
    heats = json.loads((out / "config.json").read_text())["temperatures"]
    label, crowd = np.split(logits.numpy(), 2, axis=1)
    assert np.allclose(found, tempered(crowd, heats["crowd"]), atol=2e-3)
    guessed = reader.guess_labels(picture, [whole])
    assert np.allclose(guessed, tempered(label, heats["label"]), atol=2e-3)
