"""What one item costs each built-in model, on one core, preparing included.

    python benchmarks/items.py [--times 60]

Inputs are made here, since the work does not depend on what they show: sentences that stand below,
noise that swells like syllables, pictures of noise. Milliseconds of the clock and of the processor,
median and range; the processor's are what other programs disturb least.
"""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from measuring import machine, parser, report, spread
from sensorium.models import open as open_model
from sensorium.roles import (
    AudioClassifier,
    DualTower,
    Face,
    FaceClassifier,
    FaceDetector,
    FaceLandmarker,
    PostClassifier,
    TextClassifier,
)
from sensorium.runtime.catalogue import BUILTIN

SENTENCES = (
    "I waited for hours, and nobody came.",
    "Then you called, and everything was fine again!",
    "The meeting is at ten o'clock in room four.",
    "今天真是太开心了。",
    "服务员态度很差，再也不来了。",
)
SECONDS = 4
BLAS = "OPENBLAS_NUM_THREADS"


def cases() -> dict[str, Callable[[], Any]]:
    """What is timed, by name; each call is of one item."""
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (480, 640, 3), np.uint8)
    frame = np.ascontiguousarray(photo[:180, :320])
    face = Face((250.0, 150.0, 390.0, 330.0), 1.0)
    time_ = np.arange(SECONDS * 16_000) / 16_000
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_)
    sound = (0.1 * swell * random.standard_normal(len(time_))).astype(np.float32)
    tower = _model("dual-tower", DualTower)
    words = _model("text-emotion", TextClassifier)
    voice = _model("voice-emotion", AudioClassifier)
    faces = _model("face-detector", FaceDetector)
    felt = _model("face-emotion", FaceClassifier)
    points = _model("face-landmarks", FaceLandmarker)
    posts = _model("post-sentiment", PostClassifier)
    turn = iter(range(10**9))
    return {
        "dual-tower, a picture of 640 x 480": lambda: tower.embed_images([photo]),
        "dual-tower, a sentence": lambda: tower.embed_texts([SENTENCES[next(turn) % 5]]),
        "text-emotion, a sentence": lambda: words.classify_texts([SENTENCES[next(turn) % 5]]),
        "text-emotion, 60 sentences": lambda: words.classify_texts([*SENTENCES] * 12),
        f"voice-emotion, {SECONDS} s": lambda: voice.classify_sounds([sound]),
        "face-detector, a frame of 320 x 180": lambda: faces.find_faces([frame]),
        "face-emotion, a face": lambda: felt.classify_faces(photo, [face]),
        "face-landmarks, a face": lambda: points.place_points(photo, [face]),
        "post-sentiment, a post": lambda: posts.classify_posts([photo], [SENTENCES[0]]),
    }


def _model(folder: str, role: type) -> Any:
    return open_model(f"dir:{BUILTIN / folder}", role)


def timed(call: Callable[[], Any], times: int) -> dict[str, str]:
    for _ in range(3):
        call()
    clock, processor = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        clock.append((time.perf_counter() - wall) * 1000)
        processor.append((time.process_time() - cpu) * 1000)
    return {"ms": spread(clock), "ms of the processor": spread(processor)}


def measured(arguments: Namespace) -> dict[str, Any]:
    return {name: timed(call, arguments.times) for name, call in cases().items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--times", type=int, default=60)
    arguments = options.parse_args()
    if os.environ.get(BLAS) != "1":  # its threads begin as NumPy is loaded
        os.environ[BLAS] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if hasattr(os, "sched_setaffinity"):  # before anything asks how many cores there are
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    figures = measured(arguments)
    report(arguments, Path(__file__).stem, {**figures, "machine": machine("onnxruntime")})


if __name__ == "__main__":
    main()
