"""The loop on a network that is nothing but a line with dropout."""

import json
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from sensorium.errors import InputError, SensoriumError  # noqa: E402
from sensorium.train.curves import read_curves  # noqa: E402
from sensorium.train.loop import (  # noqa: E402
    BEST,
    LAST,
    Ended,
    Event,
    Group,
    Step,
    Validated,
    grouped,
    rate_at,
    train,
)
from sensorium.train.options import Options  # noqa: E402
from sensorium.train.processes import Processes  # noqa: E402

ALONE = Processes(0, 1, torch.device("cpu"))
TRUE = torch.tensor([[1.0], [-2.0], [0.5]])


class Line:
    """Finds a line through made-up points; `figures` are what validation finds, in turn."""

    watched = "fit"

    def __init__(self, dropout: float = 0.0, size: int = 4, figures: tuple[float, ...] = ()):
        torch.manual_seed(5)
        self.model = torch.nn.Sequential(torch.nn.Dropout(dropout), torch.nn.Linear(3, 1))
        self.size = size
        self.figures = list(figures)
        self.started_at = -1

    def groups(self) -> list[Group]:
        return grouped(self.model)

    def batches(self, start: int) -> Iterator[Any]:
        self.started_at = start
        number = start * self.size
        while True:
            rows = [np.random.default_rng(number + n).normal(size=3) for n in range(self.size)]
            inputs = torch.from_numpy(np.stack(rows)).float()
            yield inputs, inputs @ TRUE
            number += self.size

    def loss(self, batch: Any) -> tuple[Any, dict[str, Any]]:
        inputs, wanted = batch
        loss = (self.model(inputs) - wanted).square().mean()
        return loss, {"twice": loss.detach() * 2}

    def validate(self) -> dict[str, float]:
        assert not self.model.training
        if self.figures:
            return {"fit": self.figures.pop(0)}
        return {"fit": -float((self.model[1].weight - TRUE.T).square().sum())}

    def about(self) -> dict[str, str]:
        return {}

    def bad(self) -> list[Any]:
        return []

    def finish(self, out: Path) -> None:
        """There is nothing to write."""


def options(out: Path, **more: Any) -> Options:
    given: dict[str, Any] = {
        "steps": 12,
        "lr": 0.05,
        "validate_every": 4,
        "batch": 4,
        "data": ("x",),
    } | more
    return Options(out=out, **given)


def go(line: Line, settings: Options) -> list[Event]:
    return list(train(line, settings, ALONE, settings.out))


def weights(line: Line) -> list[Any]:
    return [one.detach().clone() for one in line.model.state_dict().values()]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_learns(tmp_path: Path) -> None:
    line = Line()
    events = go(line, options(tmp_path, steps=300, weight_decay=0.0, validate_every=100))
    assert torch.allclose(line.model[1].weight, TRUE.T, atol=0.02)
    steps = [event for event in events if isinstance(event, Step)]
    assert len(steps) == 300
    assert steps[-1].left == 0
    assert steps[0].rate > 0
    assert isinstance(ended := events[-1], Ended)
    assert (ended.step, ended.why, ended.best) == (300, "done", 300)
    assert ended.figures["fit"] > ended.before["fit"]


def test_the_rate_warms_up_and_cools_down(tmp_path: Path) -> None:
    settings = options(tmp_path, steps=100, warmup=0.1, floor=0.05)
    rates = [rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1)
    assert rates[10] == pytest.approx(1)
    assert rates[55] == pytest.approx(0.05 + 0.95 / 2)
    assert rates[99] == pytest.approx(0.05, abs=1e-3)
    assert all(a >= b for a, b in pairwise(rates[10:]))


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_that_goes_on_equals_one_that_was_never_interrupted(
    tmp_path: Path, ema: float
) -> None:
    whole = Line(dropout=0.3)
    go(whole, options(tmp_path / "whole", ema=ema, accumulate=2))
    settings = options(tmp_path / "part", ema=ema, accumulate=2, checkpoint_minutes=0)
    events = train(Line(dropout=0.3), settings, ALONE, settings.out)
    for event in events:
        if isinstance(event, Step) and event.number == 6:
            break  # after the checkpoint of step 5: the sixth step is lost and done again
    events.close()  # type: ignore[attr-defined]
    later = Line(dropout=0.3)
    rest = go(later, settings)
    assert later.started_at == 10
    assert rest[0].number == 6  # type: ignore[union-attr]
    assert same(weights(whole), weights(later))
    last = [torch.load(tmp_path / name / LAST, weights_only=True) for name in ("whole", "part")]
    assert same(*([*one["model"].values(), *one["averages"].values()] for one in last))
    curves = [read_curves(tmp_path / name / "curves.jsonl") for name in ("whole", "part")]
    assert [row["loss"] for row in curves[0] if "loss" in row] == [
        row["loss"] for row in curves[1] if "loss" in row
    ]


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    large, small = Line(size=8), Line(size=2)
    go(large, options(tmp_path / "large"))
    go(small, options(tmp_path / "small", accumulate=4))
    for one, other in zip(weights(large), weights(small), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_best_weights_are_kept_and_it_stops_early(tmp_path: Path) -> None:
    line = Line(figures=(0.05, 0.1, 0.7, 0.6, 0.7, 0.9))
    settings = options(tmp_path, steps=40, validate_every=2, patience=2)
    held: list[Any] = []
    events = []
    for event in train(line, settings, ALONE, tmp_path):
        events.append(event)
        if isinstance(event, Validated) and event.figures["fit"] == 0.7 and event.best:
            held = weights(line)
    assert events[-1] == Ended(8, {"fit": 0.7}, "early", best=4, before={"fit": 0.05})
    assert same(held, weights(line))
    validated = [(e.step, e.best) for e in events if isinstance(e, Validated)]
    assert validated == [(0, True), (2, True), (4, True), (6, False), (8, False)]


def test_a_run_that_only_gets_worse_keeps_its_start(tmp_path: Path) -> None:
    line = Line(figures=(0.7, 0.6, 0.5, 0.4))
    start = weights(line)
    ended = go(line, options(tmp_path, ema=0.9))[-1]
    assert ended == Ended(12, {"fit": 0.7}, "done", best=0, before={"fit": 0.7})
    assert same(start, weights(line))
    assert same(start, list(torch.load(tmp_path / BEST, weights_only=True).values()))


def test_a_tie_with_the_start_goes_to_what_was_trained(tmp_path: Path) -> None:
    line = Line(figures=(0.7, 0.7, 0.7, 0.6))
    ended = go(line, options(tmp_path))[-1]
    assert ended == Ended(12, {"fit": 0.7}, "done", best=4, before={"fit": 0.7})
    assert not same(weights(Line()), weights(line))


def test_a_run_that_goes_on_remembers_its_start(tmp_path: Path) -> None:
    settings = options(tmp_path, checkpoint_minutes=0)
    events = train(Line(figures=(0.7, 0.6)), settings, ALONE, tmp_path)
    assert next(event for event in events if isinstance(event, Step) and event.number == 6)
    events.close()  # type: ignore[attr-defined]
    line = Line(figures=(0.5, 0.4))
    rest = go(line, settings)
    assert [event.step for event in rest if isinstance(event, Validated)] == [8, 12]
    assert rest[-1] == Ended(12, {"fit": 0.7}, "done", best=0, before={"fit": 0.7})
    assert same(weights(Line()), weights(line))


@pytest.mark.parametrize(("start", "told"), [(1.0, True), (0.99, False)])
def test_a_start_that_leaves_nothing_to_gain_is_doubted(start: float, told: bool) -> None:
    ended = Ended(3, {"fit": 1.0, "other": 1.0}, "done", before={"fit": start, "other": 1.0})
    assert bool(ended.doubt) is told
    assert not Ended(3, {}, "done").doubt


def test_averages_are_what_is_validated_and_kept(tmp_path: Path) -> None:
    line = Line()
    go(line, options(tmp_path, steps=4, ema=0.5))
    held = torch.load(tmp_path / LAST, weights_only=True)
    assert same(list(held["averages"].values()), weights(line))
    assert not same(list(held["model"].values()), weights(line))


def test_averages_follow_the_formula(tmp_path: Path) -> None:
    line, seen = Line(), [weights(Line())[0]]
    for event in train(line, options(tmp_path, steps=3, ema=0.15), ALONE, tmp_path):
        if isinstance(event, Step):
            seen.append(weights(line)[0])
    mean = seen[0]
    for step, value in enumerate(seen[1:4]):
        kept = min(0.15, (1 + step) / (10 + step))
        mean = kept * mean + (1 - kept) * value
    held = torch.load(tmp_path / LAST, weights_only=True)["averages"]["1.weight"]
    assert torch.allclose(held, mean, atol=1e-6)


def test_sixteen_bits_compute_and_weights_stay_thirty_two(tmp_path: Path) -> None:
    line = Line()
    seen = []
    line.model[1].register_forward_hook(lambda *told: seen.append(told[2].dtype))
    go(line, options(tmp_path, precision="bf16", steps=2))
    assert set(seen) == {torch.bfloat16}
    assert line.model[1].weight.dtype == torch.float32


def test_a_loss_that_comes_apart_ends_it(tmp_path: Path) -> None:
    with pytest.raises(SensoriumError, match="the loss is"):
        go(Line(), options(tmp_path, lr=10.0, clip=0.0, steps=3000, weight_decay=10.0))


def test_a_checkpoint_of_another_model_is_told(tmp_path: Path) -> None:
    go(Line(), options(tmp_path))
    other = Line()
    other.model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(2, 1))
    with pytest.raises(InputError, match="does not fit"):
        go(other, options(tmp_path))
    (tmp_path / LAST).write_bytes(b"half a checkpoint")
    with pytest.raises(InputError, match="cannot be read"):
        go(Line(), options(tmp_path))


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    go(Line(), options(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert {BEST, LAST, "curves.jsonl", "curves.png"} <= names
    assert not [name for name in names if name.startswith(".")]


def test_curves(tmp_path: Path) -> None:
    from PIL import Image

    go(Line(), options(tmp_path, steps=5, validate_every=5))
    rows = read_curves(tmp_path / "curves.jsonl")
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 5]
    assert rows[1]["twice"] == pytest.approx(2 * rows[1]["loss"])
    (events,) = tmp_path.glob("events.out.tfevents.*")
    assert records(events.read_bytes()) == 1 + len(rows)
    with Image.open(tmp_path / "curves.png") as image:
        assert image.size == (1040, 560)


def records(data: bytes) -> int:
    """Counts TFRecords, checking lengths and checksums with a table-free CRC-32C."""

    def masked(part: bytes) -> int:
        crc = 0xFFFFFFFF
        for byte in part:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
        crc ^= 0xFFFFFFFF
        return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF

    count = 0
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked(data[:8])
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked(
            data[12 : 12 + length]
        )
        data = data[16 + length :]
        count += 1
    return count


def test_checksums_are_those_of_the_standard() -> None:
    from sensorium.train.events import crc32c

    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4, and zlib's catalogues
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_a_torn_last_line_of_the_curves_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    path.write_text(json.dumps({"step": 1, "loss": 2.0}) + '\n{"step": 2, "lo')
    assert read_curves(path) == [{"step": 1, "loss": 2.0}]
