"""Fetching from a Hub, told true by one that the test runs."""

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from sensorium.errors import InputError, ModelMissing, NotFound, Refused, SensoriumError
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.hub import cached, remove, resolve
from sensorium.runtime.pull import Bytes, pull
from sensorium.runtime.weights import stated_scalar, write_scalars
from sensorium.spec import HubRepo, parse_spec

SPEC = HubRepo("lab/clip")
GRAPH = os.urandom(3_000_000)
FILES = {
    "config.json": b'{"model_type": "clip"}',
    "README.md": b"---\nlicense: mit\ntags: [x]\n---\n# A model\n",
    "tokenizer.json": b'{"model": {}}',
    "preprocessor_config.json": b"{}",
    "onnx/vision_model.onnx": GRAPH,
    "onnx/text_model.onnx": GRAPH[::-1],
    "onnx/vision_model_quantized.onnx": b"q" * 2000,
    "onnx/model.onnx": b"m" * 2000,
    "model.safetensors": struct.pack("<Q", 2) + b"{}" + bytes(2000),
    "pytorch_model.bin": b"p" * 2000,
    "flax_model.msgpack": b"f" * 2000,
}


@pytest.fixture(autouse=True)
def repo(hub: Any) -> None:
    hub.files["lab/clip"] = dict(FILES)


def drive(spec: str = "hf:lab/clip") -> tuple[list[Bytes], Checkpoint]:
    steps = []
    work = pull(parse_spec(spec))
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            return steps, end.value


def test_a_pull_brings_what_is_needed_and_no_more(hub: Any) -> None:
    with pytest.raises(ModelMissing) as missing:
        resolve(SPEC)
    assert missing.value.hint == "sensorium models pull hf:lab/clip"
    assert hub.asked == []
    steps, checkpoint = drive()
    names = {p.relative_to(checkpoint.folder).as_posix() for p in checkpoint.folder.rglob("*.*")}
    names.remove("logits.safetensors")  # two numbers of the weights, see below
    assert names == {
        "config.json",
        "README.md",
        "tokenizer.json",
        "preprocessor_config.json",
        "onnx/vision_model.onnx",
        "onnx/text_model.onnx",
    }
    assert (checkpoint.folder / "onnx/text_model.onnx").read_bytes() == GRAPH[::-1]
    assert checkpoint == resolve(SPEC)
    assert (checkpoint.revision[:6], checkpoint.licence) == ("012345", "mit")
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    total = sum(len(FILES[name]) for name in names)
    assert steps[-1] == (total, total)
    assert [one.checkpoint for one in cached()] == [checkpoint]
    paths = [path for path, _ in hub.asked]
    assert all(path.startswith(("/api/models/lab/clip", "/lab/clip/resolve/")) for path in paths)


def test_a_second_pull_fetches_nothing(hub: Any) -> None:
    drive()
    hub.asked.clear()
    drive()
    assert [path for path, _ in hub.asked] == ["/api/models/lab/clip/revision/main"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_pull_that_was_cut_goes_on_from_there(hub: Any, ranges: bool) -> None:
    hub.cut = 1_200_000
    hub.ranges = ranges
    with pytest.raises(SensoriumError) as cut:
        drive()
    assert "goes on" in cut.value.hint
    with pytest.raises(ModelMissing):
        resolve(SPEC)
    hub.asked.clear()
    _, checkpoint = drive()
    assert (checkpoint.folder / "onnx/vision_model.onnx").read_bytes() == GRAPH
    (asked,) = [span for path, span in hub.asked if path.endswith("onnx/vision_model.onnx")]
    assert asked.startswith("bytes=") and int(asked[6:-1]) > 0


def test_closing_stops_and_a_later_pull_goes_on(hub: Any) -> None:
    work = pull(SPEC)
    while next(work)[0] < 1_000_000:
        pass
    work.close()
    hub.asked.clear()
    _, checkpoint = drive()
    assert (checkpoint.folder / "onnx/vision_model.onnx").read_bytes() == GRAPH
    assert any(span for _, span in hub.asked)


@pytest.mark.parametrize("name", ["onnx/text_model.onnx", "tokenizer.json"])
def test_damaged_bytes_are_found_out_and_not_kept(hub: Any, name: str) -> None:
    hub.damaged = {name}
    with pytest.raises(SensoriumError, match="not what the Hub says"):
        drive()
    with pytest.raises(ModelMissing):
        resolve(SPEC)
    hub.damaged = set()
    _, checkpoint = drive()
    assert (checkpoint.folder / name).read_bytes() == FILES[name]


def test_offline_nothing_is_asked(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drive()
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve(SPEC).licence == "mit"
    with pytest.raises(Refused, match="HF_HUB_OFFLINE"):
        drive()
    assert hub.asked == []


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Refused), (403, Refused), (404, NotFound), (500, SensoriumError)]
)
def test_a_refusal_is_told_with_what_to_do(hub: Any, status: int, kind: type[Exception]) -> None:
    hub.status = status
    with pytest.raises(kind) as told:
        drive()
    assert "hf:lab/clip" in told.value.what  # type: ignore[attr-defined]


def test_no_hub_at_all(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SensoriumError, match="cannot be fetched") as told:
        drive()
    assert "HF_ENDPOINT" in told.value.hint


def test_weights_come_where_there_are_no_graphs(hub: Any) -> None:
    files = {name: data for name, data in FILES.items() if not name.startswith("onnx/")}
    hub.files["lab/clip"] = files
    _, checkpoint = drive()
    names = {path.name for path in checkpoint.folder.iterdir()}
    assert "model.safetensors" in names and "pytorch_model.bin" not in names


def test_a_part_of_a_model_is_not_a_model(hub: Any) -> None:
    _, checkpoint = drive()
    (checkpoint.folder / "onnx/text_model.onnx").unlink()
    with pytest.raises(ModelMissing, match="only a part"):
        resolve(SPEC)
    assert list(cached()) == []


def test_what_is_no_model_is_said(hub: Any) -> None:
    hub.files["lab/clip"] = {"pictures.zip": b"z"}
    with pytest.raises(InputError, match="no model that we know"):
        drive()
    with pytest.raises(InputError, match="built in"):
        drive("dual-tower")
    with pytest.raises(InputError, match="folder"):
        drive("dir:/tmp")
    with pytest.raises(NotFound):
        drive("no-such-model")


@pytest.mark.parametrize("ranges", [True, False])
def test_the_logits_are_read_out_of_weights_that_are_not_fetched(hub: Any, ranges: bool) -> None:
    weights = Path(os.environ["HF_HOME"]).with_name("weights")
    write_scalars(weights, {"other": 1.0, "logit_scale": 4.5, "logit_bias": -10.0})
    large = weights.read_bytes() + bytes(5_000_000)
    hub.files["lab/clip"]["model.safetensors"] = large
    hub.ranges = ranges
    _, checkpoint = drive()
    assert not checkpoint.has("model.safetensors")
    assert stated_scalar(checkpoint, "logit_scale") == (4.5 if ranges else None)
    assert stated_scalar(checkpoint, "logit_bias") == (-10.0 if ranges else None)
    assert checkpoint == resolve(SPEC)


def test_a_text_tower_brings_its_settings(hub: Any) -> None:
    hub.files["text-tower"] = {"config.json": b'{"a": 1}', "model.safetensors": b"w" * 2000}
    config = b'{"model_cfg": {"text_cfg": {"hf_model_name": "text-tower"}}}'
    hub.files["lab/clip"] = {
        "open_clip_config.json": config,
        "open_clip_model.safetensors": b"w" * 2000,
    }
    drive()
    cache = Path(os.environ["HF_HOME"]) / "hub" / "models--text-tower"
    assert [path.name for path in cache.glob("snapshots/*/*")] == ["config.json"]


def test_a_commit_without_a_branch_is_known_too(hub: Any) -> None:
    _, checkpoint = drive("hf:lab/clip@0123456789abcdef0123456789abcdef01234567")
    assert [one.checkpoint for one in cached()] == [checkpoint]
    assert checkpoint.spec == HubRepo("lab/clip", checkpoint.revision)


def test_removing_frees_the_disk(hub: Any) -> None:
    _, checkpoint = drive()
    assert remove(SPEC) == pytest.approx(6.0, abs=0.1)
    assert not checkpoint.folder.exists()
    with pytest.raises(ModelMissing):
        resolve(SPEC)
    with pytest.raises(ModelMissing):
        remove(SPEC)


def test_removing_one_revision_keeps_what_another_needs(hub: Any) -> None:
    _, checkpoint = drive()
    other = checkpoint.folder.with_name("f" * 40)
    (other / "onnx").mkdir(parents=True)
    (other / "onnx/text_model.onnx").symlink_to(
        (checkpoint.folder / "onnx/text_model.onnx").resolve()
    )
    assert remove(SPEC) == pytest.approx(3.0, abs=0.1)
    assert (other / "onnx/text_model.onnx").read_bytes() == GRAPH[::-1]
    assert not checkpoint.folder.exists()
    with pytest.raises(ModelMissing):
        resolve(SPEC)


def test_the_hubs_own_library_finds_what_we_fetched(hub: Any) -> None:
    from huggingface_hub import try_to_load_from_cache

    _, checkpoint = drive()
    cache = Path(os.environ["HF_HOME"]) / "hub"
    found = try_to_load_from_cache("lab/clip", "onnx/vision_model.onnx", cache_dir=cache)
    assert isinstance(found, str)
    assert Path(found) == checkpoint.folder / "onnx/vision_model.onnx"
