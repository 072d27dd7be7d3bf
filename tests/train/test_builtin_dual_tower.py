"""The recipe of the built-in dual tower, on networks and data small enough to make here."""

from pathlib import Path

import numpy as np
import pytest

from sensorium.errors import ModelMissing

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("pyarrow")

from sensorium.models.dual_tower import OwnDualTower  # noqa: E402
from sensorium.runtime.checkpoint import Checkpoint  # noqa: E402
from sensorium.runtime.devices import Device  # noqa: E402
from sensorium.spec import Folder  # noqa: E402
from sensorium.train.albums import Album, Material  # noqa: E402
from sensorium.train.distil import Lesson, embed, numbered  # noqa: E402
from sensorium.train.encoders import EfficientNetLite, TextEncoder  # noqa: E402
from sensorium.train.halves import lower_half  # noqa: E402
from sensorium.train.loop import grouped  # noqa: E402
from sensorium.train.losses import info_nce  # noqa: E402
from sensorium.train.phase import run_phase  # noqa: E402
from sensorium.train.pieces import prune, unigram  # noqa: E402
from sensorium.train.processes import Processes  # noqa: E402
from sensorium.train.recipes.builtin_dual_tower import Alignment, Config, write  # noqa: E402
from sensorium.train.starts import E5Weights, Start, unpack_q4  # noqa: E402
from sensorium.train.towers import ImageTower, TextTower, Towers  # noqa: E402

HIDDEN = 64
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁dog", "▁cat", "狗", "猫", "s"]


def e5() -> E5Weights:
    """Random weights in the layout of the real ones: 64 wide, one layer, ten pieces."""
    chance = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.pos": (64 * HIDDEN,),
        "emb.type": (HIDDEN,),
        "emb.ln.w": (HIDDEN,),
    }
    shapes["emb.ln.b"] = (HIDDEN,)
    for part in ("q", "k", "v", "ao"):
        shapes |= {f"l0.{part}.w": (HIDDEN, HIDDEN), f"l0.{part}.b": (HIDDEN,)}
    for part in ("aln", "oln"):
        shapes |= {f"l0.{part}.w": (HIDDEN,), f"l0.{part}.b": (HIDDEN,)}
    shapes |= {"l0.fi.w": (4 * HIDDEN, HIDDEN), "l0.fi.b": (4 * HIDDEN,)}
    shapes |= {"l0.fo.w": (HIDDEN, 4 * HIDDEN), "l0.fo.b": (HIDDEN,)}
    tensors = {
        name: torch.from_numpy(chance.normal(0, 0.1, shape).astype(np.float32))
        for name, shape in shapes.items()
    }
    packed = chance.integers(0, 256, (len(PIECES), HIDDEN // 2), np.uint8)
    scale = chance.uniform(0.01, 0.1, (len(PIECES), HIDDEN // 32)).astype(np.float16)
    scores = [0.0] * 4 + [-float(i) for i in range(4, len(PIECES))]
    return E5Weights(PIECES, scores, packed, scale, tensors, layers=1, heads=4, eps=1e-12)


def small(folder: Path) -> tuple[Config, Towers, Material]:
    """Random towers, eight pictures of random halves, four texts."""
    torch.manual_seed(0)
    net = EfficientNetLite(width=0.25, depth=0.5).eval()
    last = len(net.blocks) - 1
    config = Config(data=("",), out=folder, dim=32, size=64, frozen_blocks=last, batch=6)
    weights = e5()
    encoder = TextEncoder(weights, list(range(len(PIECES))), [0], config.longest)
    image = ImageTower(net, torch.nn.Linear(1280, 1000), config.dim, dropout=0.0)
    said = numbered(unigram(weights.pieces, weights.scores, 40), ["dog", "cats", "狗", "猫"])
    inside = net.blocks[last].steps[0][0].in_channels
    half = np.random.default_rng(0).normal(size=(2, 8, inside, 4, 4)).astype(np.float16)
    texts = [{"en": said[:2], "zh": said[2:], "zh_mt": []} for _ in range(8)]
    album = Album(half, texts, ["dog", "cat"] * 4)
    places = torch.nn.functional.normalize(torch.randn(4, config.dim), dim=-1)
    words = Lesson(said, places, places[0])
    towers = Towers(TextTower(encoder, HIDDEN, config.dim), image)
    return config, towers, Material([album], [album], (said * 250, said * 250), words)


def test_two_steps_change_the_towers_and_the_folder_opens(tmp_path: Path) -> None:
    config, towers, material = small(tmp_path)
    text, image = towers.text, towers.image
    phase = Alignment(
        config,
        towers,
        material,
        lambda rows: embed(text, rows),
        lambda half: image.upper(half, config.frozen_blocks),
        grouped(towers),
    )
    before = image.project.weight.detach().clone()
    run_phase(phase, Processes(0, 1, torch.device("cpu")), tmp_path / "work", steps=2)
    assert not torch.equal(image.project.weight, before)

    out = tmp_path / "out"
    weights = e5()
    write(config, (weights.pieces, weights.scores), towers, out)
    tower = OwnDualTower(Checkpoint(Folder(out), out, "r"), Device.CPU)
    seen = tower.embed_images([np.full((30, 50, 3), 200, np.uint8)])
    read = tower.embed_texts(["two dogs", "猫"])
    assert seen.shape == (1, 32) and read.shape == (2, 32)
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-5)
    alone = tower.embed_texts(["猫"])
    assert np.allclose(alone[0], read[1], atol=1e-4), "a text's place depends on its neighbours"


def test_a_lower_half_on_disk_is_that_of_the_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = EfficientNetLite(width=0.25, depth=0.5).eval()
    lower = lower_half(net, 4, 64, tmp_path / "lower.onnx")
    pixels = torch.rand(3, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        whole = net.lower(pixels, 4).numpy()
    assert np.abs(lower(pixels) - whole).max() < 2e-3 * np.abs(whole).max()


def test_captions_are_judged_in_one_language_at_a_time(tmp_path: Path) -> None:
    """Against a naive computation: pictures 0 and 1 have both languages, picture 2 has English."""
    config, towers, material = small(tmp_path)
    phase = Alignment(config, towers, material, lambda _: None, lambda x: x, [])
    chance = np.random.default_rng(1)
    places, said = chance.normal(size=(3, 4)), chance.normal(size=(5, 4))
    owner = [0, 1, 2, 0, 1]
    found = phase.captions(torch.tensor(places), torch.tensor(said), torch.tensor(owner), 3)
    scale = float(towers.image.scale())
    naive = 0.0
    for i, place in enumerate(places):
        right = np.exp(scale * place @ said[i])
        of_texts = sum(np.exp(scale * place @ other) for other in said[:3])
        of_places = sum(np.exp(scale * other @ said[i]) for other in places)
        naive -= (np.log(right / of_texts) + np.log(right / of_places)) / 2 / 3
    assert float(found["en"]) == pytest.approx(naive, rel=1e-4)
    texts = torch.tensor(said)
    twins = info_nce(texts[3:], texts[:3], towers.image.log_scale, torch.eye(2, 3).bool())
    assert float(found["twins"]) == pytest.approx(config.twins * float(twins))


def test_pruning_keeps_what_texts_use_and_single_characters() -> None:
    weights = e5()
    kept = prune(weights.pieces, weights.scores, ["dogs", "dogs"], size=8)
    names = [weights.pieces[i] for i in kept]
    assert names[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert {"狗", "猫", "s", "▁dog"} <= set(names)


def test_q4_blocks_unpack_low_halves_first() -> None:
    packed = np.zeros((1, 16), np.uint8)
    packed[0, 0] = 0x2F  # number 0 is 15 - 8, number 16 is 2 - 8
    numbers = unpack_q4(packed, np.array([[0.5]], np.float16))
    assert numbers.shape == (1, 32)
    assert (numbers[0, 0], numbers[0, 16], numbers[0, 1]) == (3.5, -3.0, -4.0)


def test_a_start_that_is_not_installed_says_how_to_install_it() -> None:
    start = Start("no-such-package-of-ours", "1.0", "a.pth", "0", "MIT")
    with pytest.raises(ModelMissing, match="not installed") as caught:
        start.path()
    assert caught.value.hint == "pip install --no-deps no-such-package-of-ours==1.0"
