from collections.abc import Generator
from itertools import islice

from sensorium.errors import InputError
from sensorium.media import Text
from sensorium.media.sentences import Sentence, read_sentences
from sensorium.results import Timeline
from sensorium.roles import TextClassifier
from sensorium.task import Event, Progress, task, use
from sensorium.tasks._text_signs import LEARNED, Read, read_signs, timeline

BATCH = 16


@task(example=["I waited for hours, and nobody came. Then you called!"])
def emotion(
    item: Text, *, model: TextClassifier = use("text-classifier")
) -> Generator[Event, None, Timeline]:
    """What is felt in a text, sentence by sentence, and the words that carry it.

    Chinese and English: seven emotions, and sentiment from negative to positive. Of a subtitle
    file (.srt, .vtt) the grid is in seconds, of any other text it counts sentences. It is a reading
    of signs by a small model, not of minds; not for decisions about people.
    """
    found: list[tuple[Sentence, Read]] = []
    sentences = (one for one in read_sentences(item.passages()) if one.language)
    while batch := list(islice(sentences, BATCH)):
        found += zip(batch, read_signs([one.text for one in batch], model), strict=True)
        yield Progress(len(found), 0, "sentences")
    if not found:
        raise InputError(f"{item.name} has no words", "there is nothing in it to read")
    unlearned = {one.language for one, _ in found} - set(LEARNED)
    return timeline(item, found, model, bool(unlearned))
