"""The recipe of the detector of faces, on pictures made up here: what a canvas holds, what is asked
of the net, and a run from parquet files to a folder that opens."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pa = pytest.importorskip("pyarrow")

from sensorium.models import open as open_model  # noqa: E402
from sensorium.roles import FaceDetector  # noqa: E402
from sensorium.signal.boxes import overlaps  # noqa: E402
from sensorium.train import run  # noqa: E402
from sensorium.train.encoders import EfficientNetLite  # noqa: E402
from sensorium.train.face_data import (  # noqa: E402
    Portrait,
    Scene,
    Tightening,
    load_scenes,
    read_portraits,
    save_scenes,
    taught,
)
from sensorium.train.face_net import (  # noqa: E402
    NOTHING,
    SKIPPED,
    STRIDES,
    Canvas,
    Decoded,
    FaceNet,
    batched,
    cells,
    decode,
    detection_loss,
    targets,
)
from sensorium.train.face_scenes import Stock, paste  # noqa: E402
from sensorium.train.loop import BEST  # noqa: E402
from sensorium.train.mtcnn import Found, Mtcnn  # noqa: E402
from sensorium.train.recipes import face_detector as recipe  # noqa: E402
from sensorium.train.starts import Start  # noqa: E402

DOTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
XYXY = np.array([22, 24, 56, 58], np.float32)
POINTS = np.array([[30, 34], [47, 34], [39, 42], [32, 50], [46, 50]], np.float32)


def coded(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def portrait(name: str = "lfw_5590/Somebody_0001") -> Portrait:
    """A grey face whose five points are dots of a colour each."""
    image = Image.new("RGB", (80, 80), (20, 20, 20))
    pen = ImageDraw.Draw(image)
    pen.ellipse((16, 12, 62, 66), (128, 128, 128))
    for (x, y), colour in zip(POINTS.tolist(), DOTS, strict=True):
        pen.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), colour)
    return Portrait(name, coded(image), XYXY, POINTS)


def scene(people: bool = False, number: int = 0) -> Scene:
    pixels = np.random.default_rng(number).integers(0, 120, (150, 200, 3), np.uint8)
    none = np.zeros((0, 4), np.float32)
    xyxy = np.array([[60, 40, 100, 85], [150, 30, 170, 50]], np.float32) if people else none
    points = np.zeros((len(xyxy), 5, 2), np.float32) + xyxy[:, None, :2]
    return Scene(coded(Image.fromarray(pixels)), xyxy, points, np.arange(len(xyxy)) == 0)


def stock(side: int = 128) -> Stock:
    thing = np.zeros((20, 20, 4), np.uint8)
    thing[5:15, 5:15] = 90, 60, 30, 255
    return Stock([portrait()], [scene()], [scene(True)], [thing], side)


def canvas(boxes: list[list[float]], left: list[list[float]] = [], side: int = 128) -> Canvas:  # noqa: B006
    return Canvas(
        np.zeros((side, side, 3), np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.zeros((len(boxes), 5, 2), np.float32),
        np.array(left, np.float32).reshape(-1, 4),
    )


def test_pictures_of_one_person_go_together() -> None:
    def held(name: str) -> bool:
        return Portrait(name, b"", XYXY, POINTS).held

    names = [f"lfw_5590/Person{number}_000{k}" for number in range(300) for k in (1, 2)]
    both = [held(name) for name in names]
    assert both[::2] == both[1::2] and 10 < sum(both[::2]) < 60
    assert held("net_7876/123_0_0") == held("net_7876/123_1_0") == held("net_7876/_-20_123_0")


def test_pasted_points_and_box_are_where_the_face_is() -> None:
    for number in range(25):
        chance = np.random.default_rng(number)
        image = Image.new("RGB", (300, 300), (20, 20, 20))
        side = float(chance.uniform(60, 140))
        middle = chance.uniform(120, 180, 2).astype(np.float32)
        box, points = paste(image, portrait(), middle, side, np.random.default_rng([number, 1]))
        assert box == pytest.approx(np.r_[middle - side / 2, middle + side / 2], abs=0.01)
        pixels = np.asarray(image).astype(int)
        for (x, y), colour in zip(points, DOTS, strict=True):
            seen = pixels[round(float(y)), round(float(x))]
            on, off = seen[np.array(colour) > 0], seen[np.array(colour) == 0]
            assert on.min() > off.max() + 60, (number, colour, seen)


def test_canvases_follow_from_chance_and_hold_what_they_say() -> None:
    made = [stock().canvas(np.random.default_rng([5, number])) for number in range(60)]
    again = [stock().canvas(np.random.default_rng([5, number])) for number in range(60)]
    assert all((a.pixels == b.pixels).all() for a, b in zip(made, again, strict=True))
    assert any(len(one.open) for one in made) and any(not len(one.xyxy) for one in made)
    for one in made:
        assert one.pixels.shape == (128, 128, 3) and one.pixels.dtype == np.uint8
        middles = (one.xyxy[:, :2] + one.xyxy[:, 2:]) / 2
        assert ((middles > -8) & (middles < 136)).all()
        assert one.points.shape == (len(one.xyxy), 5, 2)


def test_each_size_of_face_is_asked_of_its_grid() -> None:
    for side, strides in ((16, {8}), (36, {8, 16}), (60, {16}), (80, {16, 32}), (100, {32})):
        told = targets(canvas([[64 - side / 2, 64 - side / 2, 64 + side / 2, 64 + side / 2]]))
        assert set(cells(128, 128)[told == 0, 2]) == strides
        assert (told == NOTHING).any()


def test_the_smaller_of_two_faces_has_the_cell_and_open_places_are_not_asked() -> None:
    told = targets(canvas([[40, 40, 100, 100], [56, 56, 80, 80]], [[0, 0, 128, 30]]))
    grid = cells(128, 128)
    centre = (np.abs(grid[:, :2] - 68) < 5).all(1)
    assert set(told[centre & (grid[:, 2] == 8)]) == {1}
    assert 0 in told[grid[:, 2] == 16]
    assert (told[grid[:, 1] < 30] == SKIPPED).all() and (told[grid[:, 1] > 110] == NOTHING).all()


def tiny() -> FaceNet:
    torch.manual_seed(0)
    return FaceNet(EfficientNetLite(1.0, 1.0), width=8, frozen=3)


def test_places_in_the_graph_are_the_grid_s() -> None:
    net = tiny().eval()
    pixels = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        told, whole = net(pixels), Decoded(net).eval()(pixels)
    grid = torch.from_numpy(cells(64, 96))
    assert whole.shape == (2, len(grid), 15) and len(grid) == sum(6144 // s**2 for s in STRIDES)
    assert torch.allclose(whole[..., 1:], decode(told[..., 1:], grid[:, :2], grid[:, 2:]))
    assert torch.allclose(whole[..., 0], told[..., 0].sigmoid())


def test_the_loss_of_a_right_answer_is_small_and_of_a_wrong_one_not() -> None:
    one = canvas([[30, 34, 70, 74]])
    one.points[:] = (50, 54)
    batch = batched([one])
    grid = torch.from_numpy(cells(128, 128))
    right = torch.zeros(1, len(grid), 15)
    right[..., 0] = -12.0
    has = batch.told >= 0
    places, strides = (part.expand(1, -1, -1)[has] for part in (grid[:, :2], grid[:, 2:]))
    wanted = batch.wanted[has]
    right[..., 0][has] = 12.0
    away = torch.cat([places - wanted[:, :2], wanted[:, 2:4] - places], 1) / strides
    gaps = (wanted[:, 4:] - places.repeat(1, 5)) / strides
    right[has] = torch.cat([right[has][:, :1], away.log(), gaps], 1)
    best, _ = detection_loss(right, batch)
    assert float(best) < 1e-3
    shifted = right.clone()
    shifted[..., 1:3] += 0.5
    blind = right.clone()
    blind[..., 0] = -12.0
    assert float(detection_loss(shifted, batch)[0]) > 0.2
    assert float(detection_loss(blind, batch)[0]) > 1
    open_ = batched([canvas([], [[0, 0, 128, 128]])])
    assert float(detection_loss(torch.full_like(right, 9.0), open_)[0]) == 0


def test_frozen_blocks_stay_as_they_are() -> None:
    net = tiny().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    net(torch.randn(2, 3, 64, 64)).square().mean().backward()
    optimiser.step()
    moved = {name for name, value in net.state_dict().items() if not value.equal(before[name])}
    assert not any(name.startswith(("stem", "blocks.0", "blocks.2.")) for name in moved)
    assert any(name.startswith("blocks.3.") for name in moved)


def mtcnn(folder: Path) -> Mtcnn:
    """With random weights, of the shapes that the real ones have."""
    torch.manual_seed(3)
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "pnet": {"1": (10, 3, 3, 3), "2": (16, 10, 3, 3), "3": (32, 16, 3, 3)},
        "rnet": {"1": (28, 3, 3, 3), "2": (48, 28, 3, 3), "3": (64, 48, 2, 2), "4": (128, 576)},
        "onet": {"1": (32, 3, 3, 3), "2": (64, 32, 3, 3), "3": (64, 64, 3, 3),
                 "4": (128, 64, 2, 2), "5": (256, 1152)},
    }  # fmt: skip
    heads = {"pnet": ("4", 32, (1, 1)), "rnet": ("5", 128, ()), "onet": ("6", 256, ())}
    for name, layers in shapes.items():
        state = {}
        for number, shape in layers.items():
            state[f"features.conv{number}.weight"] = torch.randn(shape) / np.prod(shape[1:]) ** 0.5
            state[f"features.conv{number}.bias"] = torch.zeros(shape[0])
            state[f"features.prelu{number}.weight"] = torch.full(shape[:1], 0.25)
        last, width, kernel = heads[name]
        for place, size in enumerate((2, 4, 10)[: 3 if name == "onet" else 2], 1):
            state[f"conv{last}_{place}.weight"] = torch.randn(size, width, *kernel) * 0.05
            state[f"conv{last}_{place}.bias"] = torch.zeros(size)
        torch.save(state, folder / f"mtcnn_{name}.pt")
    return Mtcnn(folder, least=(0.4, 0.4, 0.4))


def test_the_teacher_gives_boxes_apart_with_points(tmp_path: Path) -> None:
    net = mtcnn(tmp_path)
    found = net(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8))
    assert len(found.xyxy) == len(found.scores) and found.points.shape == (len(found.xyxy), 5, 2)
    shares = overlaps(found.xyxy, found.xyxy, of_smaller=True) - np.eye(len(found.xyxy))
    assert (shares <= 0.7 + 1e-6).all() and (np.diff(found.scores) <= 0).all()
    assert len(net(np.zeros((8, 8, 3), np.uint8)).xyxy) == 0


class Teacher:
    """Sees faces where it is told to, in pictures of 200 x 150 made twice as large."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = np.array(scores, np.float32)

    def __call__(self, picture: Any) -> Found:
        xyxy = np.tile(np.array([60, 40, 100, 90], np.float32) * picture.shape[1] / 200, (9, 1))
        count = len(self.scores)
        return Found(xyxy[:count], np.zeros((count, 5, 2), np.float32), self.scores)


def test_what_the_words_and_the_teacher_say_must_agree() -> None:
    whole = np.zeros((15, 4), np.float32)
    whole[14] = 0.1, 0.2, 0.9, 0.9  # a fixed part of the teacher's box
    tighten = Tightening(whole)
    row = {"image": scene().image, "captions_en": ["A dog runs on the grass ."]}
    peopled = {"image": scene().image, "captions_en": ["Two women laugh ."]}
    empty = taught(row, Teacher([]), tighten)  # type: ignore[arg-type]
    assert empty is not None and empty.empty
    assert taught(row, Teacher([0.5]), tighten) is None  # type: ignore[arg-type]
    assert taught(peopled, Teacher([0.5]), tighten) is None  # type: ignore[arg-type]
    found = taught(peopled, Teacher([0.99, 0.5]), tighten)  # type: ignore[arg-type]
    assert found is not None and found.sure.tolist() == [True, False]
    assert found.xyxy[0] == pytest.approx((64, 50, 96, 85), abs=0.1)


def test_scenes_are_kept_as_they_were(tmp_path: Path) -> None:
    kept = [scene(), scene(True), scene(True, 3)]
    save_scenes(tmp_path / "scenes.npz", kept)
    for one, other in zip(load_scenes(tmp_path / "scenes.npz"), kept, strict=True):
        assert one.image == other.image and (one.sure == other.sure).all()
        assert (one.xyxy == other.xyxy).all() and (one.points == other.points).all()


class Knowing(Teacher):
    """Sees the face of a portrait, which is square, and one in a wide scene; none in a high one."""

    def __init__(self) -> None:
        super().__init__([0.99])

    def __call__(self, picture: Any) -> Found:
        height, width = picture.shape[:2]
        if height > width:
            return Found(np.zeros((0, 4)), np.zeros((0, 5, 2)), np.zeros(0))  # type: ignore[arg-type]
        if height < width:
            return super().__call__(picture)
        scale = np.float32(width / 80)
        return Found(XYXY[None] * scale, POINTS[None] * scale, self.scores)


def test_two_steps_make_a_folder_that_finds_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    left, top, right, bottom = XYXY.tolist()
    rows = {
        "portraits": [
            {
                "id": f"lfw_5590/Person{number}_0001",
                "image": portrait().image,
                "boxes": [[left, top, right - left, bottom - top]],
                "landmarks": [POINTS.ravel().tolist()],
            }
            for number in range(40)
        ],
        "scenes": [
            {"image": one, "captions_en": [words]}
            for one, words in [(scene().image, "Two women ."), (high(), "A dog .")] * 3
        ],
        "things": [{"image": coded(Image.new("RGBA", (9, 9))), "group": "animal"}],
    }
    for name, table in rows.items():
        parquet.write_table(pa.Table.from_pylist(table), tmp_path / f"{name}.parquet")
    trunk = EfficientNetLite(1.0, 1.0)
    monkeypatch.setattr(recipe, "load_efficientnet_lite", lambda *_: (trunk, None))
    monkeypatch.setattr(recipe, "Mtcnn", lambda *_, **__: Knowing())
    monkeypatch.setattr(Start, "path", lambda self: Path(self.file))
    fields: dict[str, Any] = {
        "data": [str(tmp_path / f"{name}.parquet") for name in rows],
        "device": "cpu",
        "batch": 2,
        "side": 96,
        "width": 8,
        "checked": 2,
    }
    out = tmp_path / "run"
    ended = run("face-detector", None, out=str(out), steps=2, validate_every=2, **fields)
    assert ended.why == "done" and set(ended.figures) == {"mean", "portraits", "canvases"}
    assert read_portraits(tmp_path / "portraits.parquet")[0].xyxy == pytest.approx(XYXY)

    net = FaceNet(EfficientNetLite(1.0, 1.0), 8, 3)
    net.load_state_dict(torch.load(out / BEST, weights_only=True))
    pixels = torch.randn(1, 3, 64, 160)
    session = open_model(f"dir:{out}", FaceDetector)._session  # type: ignore[attr-defined]
    with torch.no_grad():
        wanted = Decoded(net).eval()(pixels).numpy()
    found = session.run({"pixels": pixels.numpy()})["faces"]
    assert found.shape == wanted.shape and np.abs(found - wanted).max() < 0.5
    again = run("face-detector", None, out=str(tmp_path / "b"), steps=1, begin=str(out), **fields)
    assert again.why == "done"


def high() -> bytes:
    return coded(Image.new("RGB", (150, 200), (60, 90, 60)))
