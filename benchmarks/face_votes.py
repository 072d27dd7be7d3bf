"""What a reader of faces tells of FER2013: its label, what the crowd saw, and what a face costs.

    python benchmarks/face_votes.py --data faces-train.parquet [--usage PublicTest] [--model SPEC]

The file has the columns image, emotion, usage and votes (ten numbers, in FER+'s order). Against the
votes a face counts where one of the seven emotions has most of them; of contempt, unknown and no
face none can be told. Strictly, faces of contempt count as wrong, as in FER+'s eight classes.
Cost: one face a call, from a picture of 640 x 480, and 16 a call; on one core where the process has
one (taskset -c 0).
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from measuring import machine, parser, report, say
from sensorium.evaluate import Table
from sensorium.media import Image, Media
from sensorium.metrics.calibration import calibration_error
from sensorium.metrics.classification import accuracy, macro_f1
from sensorium.models import open as open_model
from sensorium.models.face_emotion import VOTED
from sensorium.roles import Face, FaceClassifier

WHOLE = (0.11, 0.18, 0.89, 0.96)  # of a picture of FER2013, its box from brow to chin


def rows(path: Path, usage: str) -> Iterator[dict[str, Any]]:
    for row in Table.of(path).rows(["image", "emotion", "usage", "votes"]):
        if row.values["usage"] == usage:
            yield row.values


def read(model: FaceClassifier, image: bytes) -> NDArray[np.float32]:
    pixels = cast(Image, Media.of(image, Image)).pixels()
    height, width = pixels.shape[:2]
    left, top, right, bottom = WHOLE
    face = Face((left * width, top * height, right * width, bottom * height), 1.0)
    return model.classify_faces(pixels, [face])[0]


def by_votes(named: list[str], votes: list[list[int] | None]) -> dict[str, float]:
    """Accuracy against the majority, over the seven emotions and over FER+'s eight."""
    top = [VOTED[int(np.argmax(one))] if one else "" for one in votes]
    seven = [(a, b) for a, b in zip(named, top, strict=True) if b in VOTED[:7]]
    eight = [(a, b) for a, b in zip(named, top, strict=True) if b in VOTED[:8]]
    return {
        "n": len(seven),
        "accuracy": float(np.mean([a == b for a, b in seven])),
        "n of eight": len(eight),
        "accuracy of eight": float(np.mean([a == b for a, b in eight])),
    }


def cost(model: FaceClassifier, faces: int, rounds: int = 60) -> float:
    """Median milliseconds a face."""
    chance = np.random.default_rng(0)
    picture = chance.integers(0, 256, (480, 640, 3), np.uint8)
    boxes = [Face((200.0 + at, 150.0, 320.0 + at, 270.0), 1.0) for at in range(faces)]
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        model.classify_faces(picture, boxes)
        taken.append((time.perf_counter() - started) / faces * 1000)
    return float(np.median(taken))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--usage", default="PublicTest")
    options.add_argument("--model", default=None)
    arguments = options.parse_args()
    model = open_model(arguments.model, FaceClassifier)
    kept = list(rows(arguments.data, arguments.usage))
    say(arguments, f"{len(kept)} faces")
    chances = np.stack([read(model, one["image"]) for one in kept])
    named = [model.labels[at] for at in chances.argmax(1)]
    truth = np.array([model.labels.index(one["emotion"]) for one in kept])
    found = chances.argmax(1)
    report(
        arguments,
        "faces of FER2013",
        {
            "machine": machine("sensorium", "numpy", "onnxruntime"),
            "label": {
                "n": len(kept),
                "accuracy": accuracy(found, truth),
                "macro-F1": macro_f1(found, truth),
                "calibration error": calibration_error(chances.max(1), found == truth),
            },
            "votes": by_votes(named, [one["votes"] for one in kept]),
            "milliseconds a face": {"alone": cost(model, 1), "of sixteen": cost(model, 16)},
        },
    )


if __name__ == "__main__":
    main()
