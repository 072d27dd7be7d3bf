"""How much of the network's own speed is left when a folder is indexed.

    python benchmarks/pipeline.py --model dir:CLIP --megapixels 1 12

pictures a second of `Index.add` (walk, read, hash, decode, scale, encode, write) divided by those
of the same ONNX file in a bare onnxruntime session on tensors that lie ready. Where decoding and
the network share all cores, the ratio cannot exceed network / (network + decoding) in CPU seconds;
that ceiling is printed beside it.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from measuring import machine, median, parser, report, run, say, spread
from sensorium.index import Index
from sensorium.media import Image
from sensorium.models import open as open_model
from sensorium.roles import DualTower

HERE = Path(__file__).parent
BATCH = 16


class Bare:
    """The image tower's file in a session as onnxruntime makes it by default."""

    def __init__(self, path: Path, size: int) -> None:
        self._session = onnxruntime.InferenceSession(str(path))
        (first,) = self._session.get_inputs()
        self._feeds = {
            first.name: np.random.default_rng(0).standard_normal((BATCH, 3, size, size), np.float32)
        }

    def rate(self, count: int) -> tuple[float, float]:
        """Pictures a second, and CPU seconds a picture."""
        self._session.run(None, self._feeds)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(max(1, count // BATCH)):
            self._session.run(None, self._feeds)
        done = max(1, count // BATCH) * BATCH
        return done / (time.perf_counter() - wall), (time.process_time() - cpu) / done


def whole(folder: Path, model: DualTower, count: int) -> tuple[float, float]:
    """Pictures a second of Index.add in a new library, and CPU seconds a picture."""
    with tempfile.TemporaryDirectory() as home, Index("bench", home=Path(home)) as index:
        wall, cpu = time.perf_counter(), time.process_time()
        added = index.add(folder, model=model)
        seconds = time.perf_counter() - wall
        assert added.new == count, added
        return count / seconds, (time.process_time() - cpu) / count


def preparing(paths: list[Path], model: DualTower) -> float:
    """CPU seconds a picture to decode, scale and prepare, one after the other in one thread."""
    cpu = time.thread_time()
    for path in paths:
        model.prepare_image(Image(path).pixels(model.image_size))
    return (time.thread_time() - cpu) / len(paths)


def compare(
    arguments: argparse.Namespace, model: DualTower, bare: Bare, folder: Path
) -> dict[str, Any]:
    paths = sorted(folder.glob("*.jpg"))
    for path in paths:
        path.read_bytes()  # into the page cache
    model.encode_images(np.zeros((BATCH, 3, model.image_size, model.image_size), np.float32))
    decode = preparing(paths[:32], model)
    bares, wholes = [], []
    for _ in range(arguments.rounds):
        bares.append(bare.rate(len(paths)))
        wholes.append(whole(folder, model, len(paths)))
    network = median([cpu for _, cpu in bares])
    return {
        "n": len(paths),
        "bare_images_per_second": spread([rate for rate, _ in bares]),
        "whole_images_per_second": spread([rate for rate, _ in wholes]),
        "ratio": median([w / b for (w, _), (b, _) in zip(wholes, bares, strict=True)]),
        "ceiling": network / (network + decode),
        "network_cpu_seconds": network,
        "preparing_cpu_seconds": decode,
        "whole_cpu_seconds": median([cpu for _, cpu in wholes]),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="a spec with ONNX towers: dir:CLIP")
    options.add_argument("--network", type=Path, help="its image tower (default: found in --model)")
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--megapixels", type=int, nargs="+", default=[1, 12])
    options.add_argument("--rounds", type=int, default=3)
    arguments = options.parse_args()
    model = open_model(arguments.model, DualTower)
    path = arguments.network or image_tower(Path(arguments.model.removeprefix("dir:")))
    bare = Bare(path, model.image_size)
    figures: dict[str, Any] = {"machine": machine("sensorium", "onnxruntime", "pillow")}
    figures["network"] = str(path.name)
    for megapixels in arguments.megapixels:
        say(arguments, f"{arguments.count} JPEGs of {megapixels} MP")
        words = ["--megapixels", str(megapixels), "--count", str(arguments.count)]
        run([sys.executable, HERE / "corpus.py", "--cache", arguments.cache, *words])
        folder = arguments.cache / f"corpus-{megapixels}mp-{arguments.count}"
        figures[f"{megapixels} MP"] = compare(arguments, model, bare, folder)
    report(arguments, "pipeline", figures)


def image_tower(folder: Path) -> Path:
    """The ONNX file of the image tower in an export's folder."""
    found = [*folder.glob("onnx/vision_model*.onnx"), *folder.glob("image*.onnx")]
    if len(found) != 1:
        sys.exit(f"{folder} has {len(found)} image towers: name one with --network")
    return found[0]


if __name__ == "__main__":
    main()
