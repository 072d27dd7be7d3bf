"""Ways to show a result beyond printing it: options that a command has where its result fits.

A way is presentation, so it belongs to this surface and no task knows it.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, Refused, SensoriumError
from sensorium.results import Boxes, Hits, Result, Timeline, Vectors, write_whole
from sensorium.surfaces.cli._out import Out


@dataclass(frozen=True)
class Way:
    """kinds: results that it can show. metavar: what its option takes, empty for a switch.
    instead: it takes the place of the usual output. single: it shows one result, not several.
    show: (results, the option's value, out). check: refuses a value that cannot be used before any
    work is done."""

    flag: str
    help: str
    kinds: tuple[type[Result], ...]
    show: Callable[[tuple[Any, ...], Any, Out], None]
    metavar: str = ""
    short: str = ""
    instead: bool = False
    single: bool = False
    check: Callable[[Any], object] = lambda _: None

    @property
    def parameter(self) -> str:
        return "way_" + self.flag.lstrip("-").replace("-", "_")

    def refuse_several(self, items: int) -> None:
        """Before any work is done."""
        if self.single and items > 1:
            raise InputError(f"{self.flag} takes one item", f"{items} were given")


def ways_of(kind: type) -> tuple[Way, ...]:
    """The ways that fit a result of that kind."""
    return tuple(way for way in WAYS if issubclass(kind, way.kinds))


def _save(results: tuple[Any, ...], path: str, out: Out) -> None:
    target = _writable(path)
    if isinstance(results[0], Vectors):
        Vectors.join(results).save(target)
    elif len(results) == 1:
        results[0].save(target)
    else:
        lines = "".join(result.to_json() + "\n" for result in results)
        write_whole(target, lines.encode())
    out.note(f"saved {path}")


def _page(results: tuple[Any, ...], path: str, out: Out) -> None:
    from sensorium.views.html import page

    target = _writable(path)
    write_whole(target, page(results, target.absolute().parent).encode("utf-8", "replace"))
    out.note(f"written {path}")


def _draw(results: tuple[Any, ...], path: str, out: Out) -> None:
    from sensorium.views.picture import draw

    write_whole(_writable(path), draw(results[0], Path(path).suffix))
    out.note(f"drawn {path}")


def _table(results: tuple[Any, ...], wanted: bool, out: Out) -> None:
    several = len(results) > 1
    for place, result in enumerate(results):
        head, _, rest = result.csv(named=several).partition("\n")
        out.line((head + "\n" + rest if place == 0 else rest).rstrip("\n"))
        out.remarks(result)


def _track(results: tuple[Any, ...], path: str, out: Out) -> None:
    write_whole(_writable(path), results[0].srt().encode())
    out.note(f"written {path}")


def _null(results: tuple[Any, ...], wanted: bool, out: Out) -> None:
    for result in results:
        for hit in result.hits:
            sys.stdout.buffer.write(os.fsencode(hit.path) + b"\0")
    sys.stdout.buffer.flush()


def _no_preview(results: tuple[Any, ...], wanted: bool, out: Out) -> None:
    for result in results:
        out.result(result, preview=False)


def _open(results: tuple[Any, ...], wanted: bool, out: Out) -> None:
    """The best hit, in the program that the system has for it."""
    import typer

    for result in results:
        if result.hits:
            typer.launch(str(result.hits[0].path))


def _clips(results: tuple[Any, ...], folder: str, out: Out) -> None:
    from sensorium.media.clip import write_clip

    into = _folder(folder)
    into.mkdir(parents=True, exist_ok=True)
    moments = [hit for result in results for hit in result.hits if hit.kind == "video" and hit.span]
    for place, hit in enumerate(moments, 1):
        target = into / f"{place:02}-{hit.path.stem}-{hit.span}.mp4"
        try:
            write_clip(hit.path, hit.span, target)
        except SensoriumError as error:
            out.error(error)
        else:
            out.note(f"cut {target}")
    if not moments:
        out.note("no hit is a moment of a video: nothing to cut")


def _playlist(results: tuple[Any, ...], path: str, out: Out) -> None:
    from sensorium.views.playlist import playlist

    write_whole(_writable(path), playlist(results[0]).encode())
    out.note(f"written {path}")


def _folder(path: str) -> Path:
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{path} cannot be written into", "it is no folder")
    return folder


def _writable(path: str) -> Path:
    target = Path(path).expanduser()
    if not target.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written", f"{target.parent} is no folder")
    if target.is_dir():
        raise InputError(f"{path} cannot be written", "it is a folder")
    if not os.access(target.absolute().parent, os.W_OK):
        raise Refused(f"{path} cannot be written", f"no permission to write into {target.parent}")
    return target


def _drawable(path: str) -> Path:
    from sensorium.views.picture import form_of

    form_of(Path(path).suffix)
    return _writable(path)


WAYS: tuple[Way, ...] = (
    Way(
        "--save",
        "Save the result (of vectors: .npz, .jsonl; of a timeline: .csv, .srt).",
        (Result,),
        _save,
        "PATH",
        check=_writable,
    ),
    Way(
        "--html",
        "Write a page that stands alone, in one file.",
        (Result,),
        _page,
        "PATH",
        check=_writable,
    ),
    Way(
        "--draw",
        "Write the picture with the boxes drawn.",
        (Boxes,),
        _draw,
        "PATH",
        single=True,
        check=_drawable,
    ),
    Way("--csv", "Print a table: a line a step and row.", (Timeline,), _table, instead=True),
    Way(
        "--srt",
        "Write a subtitle track of it.",
        (Timeline,),
        _track,
        "PATH",
        single=True,
        check=_writable,
    ),
    Way("--clips", "Cut the found moments of videos.", (Hits,), _clips, "FOLDER", check=_folder),
    Way(
        "--playlist",
        "Write the found moments of videos as .m3u8.",
        (Hits,),
        _playlist,
        "PATH",
        check=_writable,
    ),
    Way("--open", "Open the best hit.", (Hits,), _open),
    Way("--null", "Print paths that end in a zero byte.", (Hits,), _null, short="-0", instead=True),
    Way("--no-preview", "Leave out the thumbnails.", (Hits,), _no_preview, instead=True),
)
