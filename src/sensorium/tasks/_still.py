"""A text or a picture, and a picture with the words that were posted with it."""

from collections.abc import Generator
from dataclasses import replace

from sensorium.errors import InputError
from sensorium.media import Image, Text
from sensorium.media.sentences import Sentence, language_of, read_sentences, split_sentences
from sensorium.results import Evidence, Grid, Timeline, notes
from sensorium.results.timeline import SECONDS, SENTENCES, UNKNOWN
from sensorium.roles import PostClassifier
from sensorium.task import Event
from sensorium.tasks import _face_signs, _text_signs
from sensorium.tasks._asked import Asked, opened, refuse_unless, unread
from sensorium.tasks._felt import chances, wordless
from sensorium.tasks._moving import face_reader, steps
from sensorium.tasks._timeline import Reading
from sensorium.tasks._transcript import doubts

_LEAST = 0.45
"""Probability that the likeliest sentiment of a post must have, of three."""


def of_text(item: Text, asked: Asked) -> Generator[Event, None, Timeline]:
    """Sentence by sentence; a subtitle file along its time."""
    refuse_unless("text" in asked.only, f"--only {asked.only}", "a text has neither voice nor face")
    model = asked.models.text()
    sentences = (one for one in read_sentences(item.passages()) if one.says)
    if asked.lang != "auto":
        sentences = (replace(one, language=asked.lang) for one in sentences)
    found = yield from _text_signs.read_all(sentences, model)
    if not found:
        raise InputError(f"{item.name} has no words", "there is nothing in it to read")
    evidence = _text_signs.evidence_of(found)
    if found[0][0].span is None:
        grid = Grid(SENTENCES, 1.0, len(found))
    else:
        end = max(one.end for one in evidence)
        grid = Grid(SECONDS, asked.every, steps(0.0, end, asked.every))
    reading = Reading(grid, notes=doubts(item))
    reading.add_text(evidence, model.provenance)
    return reading.made(item)


def of_image(item: Image, asked: Asked) -> Generator[Event, None, Timeline]:
    """Its faces, and the words that were posted with it."""
    words = asked.with_text.strip()
    signs = ["face"] if "face" in asked.only else []
    signs += ["text"] if words and "text" in asked.only else []
    refuse_unless(bool(signs), f"--only {asked.only}", "of a picture faces are read")
    reading = Reading(Grid(SECONDS, 1.0, 1))
    if "text" in signs:
        yield from _read_words(reading, words, asked)
        _read_post(reading, item, words, asked)
    if "face" in signs:
        _read_faces(reading, item, asked)
    if not reading.models:
        raise unread(item, reading.notes)
    return reading.made(item)


def _read_faces(reading: Reading, item: Image, asked: Asked) -> None:
    reader = face_reader(asked, reading.notes)
    if reader is None:
        return
    reading.spoke("face", reader.classifier.provenance, *reader.others)
    looks = _face_signs.look_at(item, reader)
    for at, one in enumerate(looks):
        row = _face_signs.row_name(at)
        face = wordless(row, 0.0, 1.0, chances(one.felt), one.signs)
        reading.add(row, [replace(face, at=0.0, box=one.xyxy)])
    if not looks:
        reading.notes.append(notes.NO_FACE())
    reading.leave_out("face", reader.classifier.labels)


def _read_words(reading: Reading, words: str, asked: Asked) -> Generator[Event, None, None]:
    """The words of a post, sentence by sentence, all in the one step that a picture has."""
    model = opened(asked.models.text, "text", reading.notes)
    if model is None:
        return
    told = (Sentence(one, _language(one, asked)) for one in split_sentences(words))
    found = yield from _text_signs.read_all((one for one in told if one.says), model)
    evidence = [replace(one, start=0.0, end=1.0) for one in _text_signs.evidence_of(found)]
    reading.add_text(evidence, model.provenance)


def _read_post(reading: Reading, item: Image, words: str, asked: Asked) -> None:
    """The sentiment of both together."""
    model: PostClassifier | None = opened(asked.models.post, "the post", reading.notes)
    if model is None:
        return
    (told,) = model.classify_posts([item.pixels()], [words])
    sentiment = {
        label: round(float(chance), 6) for label, chance in zip(model.labels, told, strict=True)
    }
    best = max(sentiment, key=lambda label: sentiment[label])
    valence = sentiment.get("positive", 0.0) - sentiment.get("negative", 0.0)
    label = best if sentiment[best] >= _LEAST else UNKNOWN
    post = Evidence(
        "post", 0.0, 1.0, words, _language(words, asked), label, {}, sentiment, round(valence, 6)
    )
    reading.models.append(model.provenance)
    reading.evidence.append(post)


def _language(words: str, asked: Asked) -> str:
    return language_of(words) if asked.lang == "auto" else asked.lang
