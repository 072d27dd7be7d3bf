from collections.abc import Generator
from itertools import islice
from typing import Annotated

import numpy as np

from sensorium.errors import InputError
from sensorium.media import Image, Text, Video
from sensorium.results import Vectors
from sensorium.roles import DualTower, Floats
from sensorium.task import Event, Progress, Range, task, use

BATCH = 16
Rows = Generator[Event, None, tuple[list[str], list[Floats]]]


@task(example=["beach.jpg", "--save", "beach.npz"])
def embed(
    item: Image | Video | Text,
    *,
    every: Annotated[float, Range(1, 3600), "Of a long shot, a frame every so many seconds."] = 10,
    model: DualTower = use("dual-tower"),
) -> Generator[Event, None, Vectors]:
    """Where a picture, a video or a text lies in the model's space, as vectors of unit length.

    A picture or words give one vector; a video one a scene, a text file one a passage, with the
    moment in the id: `clip.mp4@10s-20s`. Near vectors mean alike, within one model only.
    """
    match item:
        case Image():
            rows = [item.name], [model.embed_images([item.pixels(model.image_size)])]
        case Video():
            rows = yield from _video(item, every, model)
        case Text():
            rows = yield from _text(item, model)
    ids, values = rows
    return Vectors(ids=tuple(ids), values=np.concatenate(values), provenance=model.provenance)


def _video(video: Video, every: float, model: DualTower) -> Rows:
    ids: list[str] = []
    values: list[Floats] = []
    name = str(video.path or "video")
    scenes = video.scenes(every, model.image_size)
    while batch := list(islice(scenes, BATCH)):
        ids += [f"{name}@{scene.span}" for scene in batch]
        tensors = [model.prepare_image(scene.pixels) for scene in batch]
        values.append(model.encode_images(np.stack(tensors)))
        yield Progress(len(ids), 0, "scenes")
    return ids, values


def _text(text: Text, model: DualTower) -> Rows:
    if isinstance(text.source, str):
        return [text.source], [model.embed_texts([text.source])]
    ids: list[str] = []
    values: list[Floats] = []
    name = str(text.path or "text")
    passages = text.passages()
    while batch := list(islice(passages, BATCH)):
        for passage in batch:
            ids.append(f"{name}@{passage.span}" if passage.span else f"{name}#{len(ids) + 1}")
        values.append(model.embed_texts([passage.text for passage in batch]))
        yield Progress(len(ids), 0, "passages")
    if not ids:
        raise InputError(f"{text.name} has no words", "it is empty")
    return ids, values
