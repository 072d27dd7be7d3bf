import numpy as np

from sensorium.errors import InputError
from sensorium.media import Image, Text
from sensorium.results import Scores
from sensorium.roles import DualTower, Floats
from sensorium.signal.softmax import softmax
from sensorium.task import task, use


@task(example=["beach.jpg", "a beach", "a mountain"])
def match(
    item: Image | Text, among: list[Text | Image], *, model: DualTower = use("dual-tower")
) -> Scores:
    """How well each of several texts fits a picture, or each of several pictures a text.

    The probabilities are over what was given and sum to 1: they say which fits best among these,
    not whether any fits.
    """
    candidates = {one.title: one for one in among}
    _check(candidates)
    (asked,) = _embed([item], model)
    cosines = _embed(list(candidates.values()), model) @ asked
    # Radford et al. 2021, section 3.1.2. One bias for all, as SigLIP has it, cancels out.
    chances = softmax((model.logit_scale * cosines).astype(np.float64))
    order = np.argsort(-chances, kind="stable")
    labels = list(candidates)
    return Scores(
        item=item.title,
        scores={labels[place]: float(chances[place]) for place in order},
        provenance=model.provenance,
    )


def _embed(items: list[Image | Text], model: DualTower) -> Floats:
    """One row an item; the items are all pictures or all texts."""
    pictures = [one.pixels(model.image_size) for one in items if isinstance(one, Image)]
    if pictures:
        return model.embed_images(pictures)
    return model.embed_texts([one.words for one in items if isinstance(one, Text)])


def _check(candidates: dict[str, Image | Text]) -> None:
    if len(candidates) < 2:
        raise InputError("there is nothing to choose among", "two candidates at least are wanted")
    if len({type(one) for one in candidates.values()}) > 1:
        raise InputError(
            "pictures and texts cannot be weighed against each other",
            why="a model puts all texts nearer to each other than to any picture",
            hint="ask twice: once among the pictures, once among the texts",
        )
