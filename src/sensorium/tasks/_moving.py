"""A sound or a video: voice and faces as it runs, and what is said by its transcript."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from sensorium.errors import InputError
from sensorium.index.content import content_of_file
from sensorium.media import Audio, Span, Video
from sensorium.media.sentences import Sentence
from sensorium.media.streams import Streams, streams_of
from sensorium.results import Event as Remark
from sensorium.results import Grid, Timeline, notes
from sensorium.results.notes import Note
from sensorium.results.timeline import SECONDS
from sensorium.task import Event
from sensorium.tasks import _face_signs, _text_signs, _transcript, _voice_signs
from sensorium.tasks._asked import Asked, opened, refuse_unless, sentence, unread
from sensorium.tasks._face_signs import Eye, FaceReader, Looked
from sensorium.tasks._kept import Kept
from sensorium.tasks._senses import Found, Sense, read_all
from sensorium.tasks._timeline import Reading, track_of
from sensorium.tasks._voice_signs import Ear, Spoken

_LONG = 60.0  # seconds from which what was found is kept, for a run that is cut off
_DONE = 0.1  # of a step: less of it at the end is no step (codecs pad what they hold)


def steps(begin: float, end: float, every: float) -> int:
    """How many steps a stretch has, one at least."""
    return max(1, ceil((end - begin) / every - _DONE))


def of_moving(item: Audio | Video, asked: Asked) -> Generator[Event, None, Timeline]:
    """All signs that it has and that are asked for."""
    _refuse_unread(item, asked)
    there = streams_of(item.source)
    begin = item.span.start if item.span else 0.0
    end = _end(item, there)
    work = _Work(item, asked, begin, end)
    said = work.said(there)
    words = opened(asked.models.text, "text", work.notes) if said else None
    # First: loading its model takes more memory than it keeps, and so far there is little else.
    heard = (yield from _text_signs.read_all(said, words)) if words is not None else []
    senses = list(work.senses(there))
    found = yield from read_all(senses, begin, end, _kept(item, asked, end))
    sentences = work.timed(said, _speech(found))
    reading = Reading(work.grid(found, sentences), notes=work.notes)
    if words is not None:
        timed = list(zip(sentences, (read for _, read in heard), strict=True))
        reading.add_text(_text_signs.evidence_of(timed), words.provenance)
    for sense in senses:
        match sense:
            case Ear():
                _add_voice(reading, sense, found[sense.name], asked, sentences)
            case Eye():
                _add_faces(reading, sense, found[sense.name])
    errors = [one.error for one in found.values() if one.error is not None]
    if errors and not reading.evidence and all(one.until is None for one in found.values()):
        raise errors[0]
    if not reading.models:
        raise unread(item, reading.notes)
    return reading.made(item)


def _refuse_unread(item: Audio | Video, asked: Asked) -> None:
    """When it can have nothing of what is asked for."""
    only, why = f"--only {asked.only}", "a sound has no face"
    if isinstance(item, Video) or set(asked.only.names) != {"face"}:
        why = _no_transcript(item)
    read = {"voice", *(["text"] if asked.transcript else [])}
    read |= {"face"} if isinstance(item, Video) else set()
    refuse_unless(not read.isdisjoint(asked.only.names), only, why)


@dataclass
class _Work:
    item: Audio | Video
    asked: Asked
    begin: float
    end: float | None
    notes: list[str] = field(default_factory=list)

    def senses(self, there: Streams) -> Iterator[Sense]:
        """Those that are asked for, that the item has something for, and whose models are here."""
        if "voice" in self.asked.only:
            if not there.sound:
                self.notes.append(notes.NO_SOUND())
            elif (ear := self._ear()) is not None:
                yield ear
        if "face" in self.asked.only and isinstance(self.item, Video):
            if not there.pictures:
                self.notes.append(notes.NO_PICTURE())
            elif (reader := face_reader(self.asked, self.notes)) is not None:
                every = min(_face_signs.EVERY, self.asked.every)
                yield Eye(self.item, reader, every)

    def _ear(self) -> Ear | None:
        models = self.asked.models
        classifier = opened(models.voice, "voice", self.notes)
        detector = opened(models.speech, "voice", self.notes) if classifier else None
        if classifier is None or detector is None:
            return None
        return Ear(self.item, detector, classifier)

    def said(self, there: Streams) -> list[Sentence]:
        """What is said, by the transcript; nothing without one, and no note where nothing can be
        said."""
        if "text" not in self.asked.only:
            return []
        path = self.asked.transcript
        if path is None:
            if there.sound or _transcript.beside(self.item):
                self.notes.append(_no_transcript(self.item))
            return []
        text = _transcript.transcript_of(path, self.item)
        found = _transcript.read_transcript(text, self.item, self.asked.lang)
        self.notes += _transcript.doubts(text)
        if not found:
            self.notes.append(notes.SILENT_HERE())
        return found

    def timed(self, sentences: list[Sentence], speech: list[Span]) -> list[Sentence]:
        """Sentences with their times; where the transcript has none, as the speech has them."""
        if not sentences or sentences[0].span is not None:
            return sentences
        self.notes.append(notes.OVER_SPEECH() if speech else notes.OVER_ALL())
        whole = Span(self.begin, self.end or self.begin + len(sentences))
        return _transcript.laid_over(sentences, speech or [whole])

    def grid(self, found: dict[str, Found], sentences: list[Sentence]) -> Grid:
        """As far as anything was read."""
        reached = [one.until for one in found.values() if one.until is not None]
        said = max((one.span.end for one in sentences if one.span), default=self.begin)
        stop = max(reached, default=self.end if self.end is not None else said)
        if self.end is not None:
            stop = min(max(stop, min(said, self.end)), max(self.end, *reached, self.begin))
        every = float(self.asked.every)
        return Grid(SECONDS, every, steps(self.begin, stop, every), self.begin)


def face_reader(asked: Asked, notes: list[str]) -> FaceReader | None:
    """The models of faces; None, with a note, where one is missing."""
    models = asked.models
    classifier = opened(models.face, "face", notes)
    detector = opened(models.faces, "face", notes) if classifier else None
    if classifier is None or detector is None:
        return None
    points = opened(models.landmarks, "landmarks", notes)
    return FaceReader(detector, classifier, points)


def _kept(item: Audio | Video, asked: Asked, end: float | None) -> Kept:
    if item.path is None or (end is not None and end < _LONG):
        return Kept("", False)
    return Kept(f"{content_of_file(item.path, item.kind).hex()} {item.span}", asked.resume)


def _end(item: Audio | Video, there: Streams) -> float | None:
    if item.span is None:
        return there.duration
    if there.duration is not None and item.span.start >= there.duration:
        raise InputError(item.name, f"it ends after {there.duration:.1f} s")
    return item.span.end if there.duration is None else min(item.span.end, there.duration)


def _no_transcript(item: Audio | Video) -> str:
    if (path := _transcript.beside(item)) is not None:
        return notes.BESIDE(name=path.name, path=path)
    return notes.NO_TRANSCRIPT()


def _speech(found: dict[str, Found]) -> list[Span]:
    heard: list[Any] = found["voice"].items if "voice" in found else []
    return [Span(one.start, one.end) for one in heard]


def _add_voice(
    reading: Reading, ear: Ear, found: Found, asked: Asked, sentences: list[Sentence]
) -> None:
    spoken = [one for one in found.items if isinstance(one, Spoken)]
    reading.notes += _told(notes.SOUND_AMISS, found)
    if found.error is not None and not spoken:
        return
    reading.spoke("voice", ear.classifier.provenance, ear.detector.provenance)
    if not spoken:
        reading.notes.append(notes.NO_SPEECH())
        return
    language = asked.lang if asked.lang != "auto" else _transcript.language_of(sentences)
    baseline = asked.speaker_baseline
    reading.add("voice", _voice_signs.evidence_of(spoken, sentences, language, baseline))
    if baseline:
        enough = _voice_signs.has_baseline(spoken)
        reading.notes.append(notes.BASELINE() if enough else notes.NO_BASELINE())
    _remark_language(reading, ear, spoken, language)
    reading.leave_out("voice", ear.classifier.labels)


def _remark_language(reading: Reading, ear: Ear, spoken: list[Spoken], language: str) -> None:
    """Whether the voice model has learned from speech in this language."""
    learned = ear.classifier.languages
    if not learned or language in learned:
        return
    known = sentence([notes.language(one) for one in learned])
    if not language:
        reading.notes.append(notes.SOME_LANGUAGE(languages=known))
        return
    spoken_in = notes.language(language)
    reading.notes.append(notes.OTHER_LANGUAGE(languages=known, language=spoken_in))
    first, last = spoken[0].start, spoken[-1].end
    reading.events.append(Remark(first, last, "voice", "language", language))


def _add_faces(reading: Reading, eye: Eye, found: Found) -> None:
    looked = [one for one in found.items if isinstance(one, Looked)]
    reading.notes += _told(notes.PICTURE_AMISS, found)
    if found.error is not None and not looked:
        return
    reader = eye.reader
    reading.spoke("face", reader.classifier.provenance, *reader.others)
    rows, lost = _face_signs.rows_of(_face_signs.tracks_of(looked))
    for name, tracks in rows.items():
        for one in tracks:
            reading.evidence += _face_signs.evidence_of(name, one, eye.every)
        pieces = [piece for one in tracks for piece in one.pieces(eye.every)]
        reading.tracks[name] = track_of(reading.grid, pieces)
    if not rows:
        reading.notes.append(notes.NO_FACE())
    if any(len(tracks) > 1 for tracks in rows.values()):
        reading.notes.append(notes.SHARED_ROWS())
    if lost:
        reading.notes.append(notes.LOST(count=lost))
    reading.leave_out("face", reader.classifier.labels)


def _told(amiss: Note, found: Found) -> Iterator[str]:
    """What is amiss with what was decoded, once each."""
    told = list(dict.fromkeys(part for note in found.notes for part in note.split("; ")))
    if any(note.startswith("clipped") for note in told):
        yield notes.CLIPPED()
    for note in told:
        if not note.startswith("clipped"):
            yield amiss(why=note)
    if found.error is not None:
        yield amiss(why=found.error)
