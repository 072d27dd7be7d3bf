"""What our training loop costs: pictures a second of `sensorium.train` ÷ a bare PyTorch loop on the
same model and batch, and ÷ open_clip's loop on an equal model where open_clip can be imported.

    python benchmarks/train.py --rounds 3 --json

The model is one tiny ViT and one tiny text transformer (`--width`, `--layers`), the data is made
up and decoded by each loop from the same files. A round runs each side once, one after the other,
and the ratio is taken within the round, so that what else the machine does falls on both. On a
machine that others use, trust the ratio of CPU seconds, which counts all threads.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDES = ("ours", "bare", "open_clip")


def make(folder: Path, count: int, side: int) -> None:
    """JPEG files of smooth noise, and a caption each."""
    random = np.random.default_rng(0)
    lines = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
        words = " ".join(random.choice(["red", "dog", "runs", "grass", "two", "sea"], 6))
        lines.append(f"{number}.jpg,{words}")
    (folder / "captions.txt").write_text("\n".join(lines), "utf-8")


def settings(args: argparse.Namespace, data: Path, out: Path) -> dict[str, Any]:
    shape = {"size": args.size, "patch": 16, "width": args.width, "layers": args.layers}
    run = {"batch": args.batch, "steps": args.steps, "device": "cpu", "dim": 256, "heads": 4}
    never = {"validate_every": args.steps, "patience": 0, "checkpoint_minutes": 1e6, "crop": 1.0}
    return {"begin": "nothing", "data": (str(data),), "out": out} | shape | run | never


class Ticks:
    """Ends of steps, by the clock and in CPU seconds of all threads."""

    def __init__(self, warm: int) -> None:
        self.warm = warm
        self.ends: list[tuple[float, float]] = []

    def tick(self) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def rates(self, pictures: int) -> dict[str, float]:
        """Pictures a second and a CPU second after the first `warm` steps of `pictures` each."""
        (began, cpu), (ended, cpu_ended) = self.ends[self.warm], self.ends[-1]
        done = pictures * (len(self.ends) - 1 - self.warm)
        return {"rate": done / (ended - began), "cpu": done / (cpu_ended - cpu)}


def ours(args: argparse.Namespace, data: Path, out: Path) -> dict[str, float]:
    from sensorium.train import stream
    from sensorium.train.loop import Step

    ticks = Ticks(args.warm)
    for event in stream("dual-tower", **settings(args, data, out)):
        if isinstance(event, Step):
            ticks.tick()
        if len(ticks.ends) == args.steps:
            break  # before the validation, which the other loops do not have
    return ticks.rates(args.batch)


def bare(args: argparse.Namespace, data: Path, out: Path) -> dict[str, float]:
    """The same network, batch and optimiser in the plainest loop that one would write: a DataLoader
    with a thread's worth of decoding ahead, forward, InfoNCE, backward, clip, step."""
    import torch
    from torch.nn import functional

    begun, pairs = _network(args, data, out)
    model = begun.model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98))
    loader = torch.utils.data.DataLoader(
        _Decoded(pairs, args.size),
        args.batch,
        shuffle=True,
        drop_last=True,
        num_workers=args.workers,
        persistent_workers=args.workers > 0,
        collate_fn=_collate,
    )
    ticks = Ticks(args.warm)
    while len(ticks.ends) < args.steps:
        for squares, texts in loader:
            images, said = model.see(squares), model.read(*begun.words(texts))
            logits = model.log_scale.exp() * images @ said.T
            own = torch.arange(len(logits))
            loss = functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)
            optimiser.zero_grad(set_to_none=True)
            (loss / 2).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            ticks.tick()
            if len(ticks.ends) == args.steps:
                break
    return ticks.rates(args.batch)


def _network(args: argparse.Namespace, data: Path, out: Path) -> Any:
    import torch

    from sensorium.train.begin.start import begin
    from sensorium.train.data import read_pairs
    from sensorium.train.processes import Processes
    from sensorium.train.recipes.dual_tower import Config

    pairs, _ = read_pairs(data).split()
    config = Config(**settings(args, data, out))
    return begin(config, pairs, Processes(0, 1, torch.device("cpu"))), pairs


class _Decoded:
    def __init__(self, pairs: Any, size: int) -> None:
        self.pairs, self.size = pairs, size

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Any:
        import torch

        pair = self.pairs[place]
        with Image.open(pair.image) as file:
            picture = file.convert("RGB").resize((self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.array(picture)
        if np.random.random() < 0.5:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        return torch.from_numpy(pixels), pair.texts[0]


def _collate(rows: list[Any]) -> Any:
    import torch

    return torch.stack([pixels for pixels, _ in rows]), [text for _, text in rows]


def open_clip(args: argparse.Namespace, data: Path, out: Path) -> dict[str, float]:
    """open_clip's `train_one_epoch` on its own CLIP of the same widths, depths, pieces and batch,
    fed as the bare loop is."""
    _declare_nms()
    import torch
    from open_clip import CLIP, ClipLoss
    from open_clip_train.params import parse_args
    from open_clip_train.train import train_one_epoch

    begun, pairs = _network(args, data, out)
    longest = begun.words([pair.texts[0] for pair in pairs])[0].shape[1]
    pieces = begun.model.text.words.pieces.num_embeddings
    vision = {"image_size": args.size, "patch_size": 16, "width": args.width}
    vision |= {"layers": args.layers, "head_width": args.width // 4}
    text = {"context_length": longest, "vocab_size": pieces, "width": args.width}
    model = CLIP(256, vision, text | {"heads": 4, "layers": args.layers}, output_dict=True)

    def collate(rows: list[Any]) -> Any:
        squares, texts = _collate(rows)
        ids = torch.nn.functional.pad(begun.words(texts)[0], (0, longest))[:, :longest]
        return squares.permute(0, 3, 1, 2).float() / 127.5 - 1, ids

    feed = _Epochs(pairs, args, collate)
    told = parse_args(["--device", "cpu", "--precision", "fp32", "--batch-size", str(args.batch)])
    told.distributed, told.rank, told.distill, told.world_size = False, 0, False, 1
    told.local_rank, told.save_logs, told.grad_clip_norm = 0, False, 1.0
    told.log_every_n_steps, told.wandb = 10**6, False
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98))
    ticks = Ticks(0)
    for number in range(1 + max(1, round(args.steps / feed.dataloader.num_batches))):
        train_one_epoch(
            model, {"train": feed}, ClipLoss(), number, optimiser, None, lambda _: None, None, told
        )
        ticks.tick()  # the first epoch is its warm-up
    return ticks.rates(feed.dataloader.num_samples)


class _Epochs:
    """What open_clip's loop asks of a data set; its own is for tar files and tables."""

    def __init__(self, pairs: Any, args: argparse.Namespace, collate: Any) -> None:
        import torch

        self.dataloader: Any = torch.utils.data.DataLoader(
            _Decoded(pairs, args.size), args.batch, shuffle=True, drop_last=True, collate_fn=collate
        )
        self.dataloader.num_batches = len(self.dataloader)
        self.dataloader.num_samples = len(self.dataloader) * args.batch

    def set_epoch(self, number: int) -> None:
        """Its order is by chance."""


def _declare_nms() -> None:
    """open_clip imports torchvision, whose compiled operators a CPU-only torch may lack; its import
    fails at two of them that nothing here calls."""
    import torch

    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        for name in [one for one in sys.modules if one.startswith("torchvision")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)


_KEPT: list[Any] = []


def measure(side: str, args: argparse.Namespace, data: Path) -> dict[str, float] | str:
    """In a process of its own: pictures a second, and MB resident at most; or why it does not
    run."""
    command = [sys.executable, "-W", "ignore", __file__, "--side", side, "--data", str(data)]
    for name in ("size", "width", "layers", "batch", "steps", "warm", "workers"):
        command += [f"--{name}", str(getattr(args, name))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return (ran.stderr.strip().splitlines() or ["it failed"])[-1]
    found: dict[str, float] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


def one(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        rates = {"ours": ours, "bare": bare, "open_clip": open_clip}[args.side](
            args, Path(args.data), Path(scratch) / "out"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if _mac() else 1e3)
    print(json.dumps(rates | {"peak": peak}))


def _mac() -> bool:
    return sys.platform == "darwin"


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Sides in turn, round after round; medians of rates, peaks and of ratios within a round."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch), args.pictures, args.size * 2)
        for number in range(args.rounds):
            order = SIDES if number % 2 == 0 else SIDES[::-1]
            for side in (one for one in order if one not in absent):
                told = measure(side, args, Path(scratch))
                if isinstance(told, str):
                    absent[side] = told
                else:
                    found[side].append(told)
    rows = {side: _row(runs, found["ours"]) for side, runs in found.items() if runs}
    return {"sides": rows, "absent": absent, "batch": args.batch, "steps": args.steps}


def _row(runs: list[dict[str, float]], ours_: list[dict[str, float]]) -> dict[str, Any]:
    """Medians, and the lowest and highest of the ratios."""
    row: dict[str, Any] = {"pictures a second": round(_median(runs, "rate"), 1)}
    for name, told in (("rate", "ours ÷ it"), ("cpu", "ours ÷ it, CPU seconds")):
        ratios = [mine[name] / its[name] for mine, its in zip(ours_, runs, strict=False)]
        row[told] = round(statistics.median(ratios), 3)
        row[f"{told}, range"] = [round(min(ratios), 3), round(max(ratios), 3)]
    return row | {"peak MB": round(_median(runs, "peak"))}


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(one[name] for one in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("size", 96), ("width", 192), ("layers", 4), ("batch", 64)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, value in (("steps", 30), ("warm", 5), ("rounds", 3), ("pictures", 700)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--workers", type=int, default=0, help="of the bare loop's DataLoader")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--data", default="", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.side:
        one(args)
        return
    found = compare(args)
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for side, row in found["sides"].items():
        print(f"{side:10}", *(f"{name}: {value}" for name, value in row.items()), sep="  ")
    for side, why in found["absent"].items():
        print(f"{side:10}  not here: {why}")


if __name__ == "__main__":
    main()
