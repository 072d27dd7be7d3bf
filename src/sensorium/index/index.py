"""Index: the handle of a library, a named collection of what was seen."""

import shutil
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sensorium.errors import InputError, NotFound
from sensorium.flow import Progress
from sensorium.index.item import Entry, State
from sensorium.index.schema import VERSION
from sensorium.index.store import Store
from sensorium.runtime.home import home as default_home

if TYPE_CHECKING:
    from sensorium.index.adding import Added
    from sensorium.index.annotating import Annotator
    from sensorium.index.filter import Filter
    from sensorium.index.search import Searcher
    from sensorium.results import Hits
    from sensorium.roles import DualTower
    from sensorium.spec import ModelSpec

FILE = "library.sqlite"


@dataclass(frozen=True)
class ModelInfo:
    """contents: how many contents it has embedded, files that are equal counted once.
    vectors: pictures, scenes and passages. current: a search uses it."""

    spec: str
    revision: str
    dimensions: int
    contents: int
    vectors: int
    current: bool


@dataclass(frozen=True)
class LibraryInfo:
    """items: (kind, state) → files. felt: files in which an emotion was found, None where none was
    looked for. bytes: on disk, what is derived included. version: of the file's tables."""

    name: str
    folder: Path
    version: int
    items: dict[tuple[str, str], int]
    felt: int | None
    models: tuple[ModelInfo, ...]
    roots: tuple[Path, ...]
    bytes: int


class Index:
    """A library by its name; made where there is none.

        with Index("holidays") as index:
            index.add(["~/Pictures"])

    Raises InputError for a name that cannot be one, and for a library of a newer version.
    """

    def __init__(self, name: str = "default", *, home: Path | None = None) -> None:
        self.name = _checked(name)
        self.folder = _libraries(home) / name
        self.store = Store(self.folder / FILE)
        self._searcher: Searcher | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closing twice does nothing."""
        if self._searcher is not None:
            self._searcher.close()
        self.store.close()

    def __len__(self) -> int:
        """Files that can be found."""
        query = "SELECT count(*) FROM items WHERE state = 'ok'"
        return int(self.store.db.execute(query).fetchone()[0])

    def __iter__(self) -> Iterator[Entry]:
        return self.entries()

    def __bool__(self) -> bool:
        return True  # an empty library is a library

    def entries(self, state: State | str | None = None) -> Iterator[Entry]:
        """Files by path; of one state (`ok`, `bad`, `listed`, `absent`) where one is named."""
        return map(Entry.of, self.store.items(State(state) if state else None))

    def add(
        self,
        paths: "Iterable[Path | str] | Path | str" = (),
        *,
        model: "DualTower | ModelSpec | str | None" = None,
        exclude: Sequence[str] = (),
        every: float = 10.0,
        annotators: "Sequence[Annotator]" = (),
    ) -> "Added":
        """Bring the library up to date with files and folders; see `adding`."""
        run = self.adding(paths, model=model, exclude=exclude, every=every, annotators=annotators)
        while True:
            try:
                next(run)
            except StopIteration as end:
                added: Added = end.value
                return added

    def adding(
        self,
        paths: "Iterable[Path | str] | Path | str" = (),
        *,
        model: "DualTower | ModelSpec | str | None" = None,
        exclude: Sequence[str] = (),
        every: float = 10.0,
        annotators: "Sequence[Annotator]" = (),
    ) -> "Generator[Progress, None, Added]":
        """Index what is new or changed, forget what was deleted; nothing known is read again.

        paths: none for all folders that were added before. model: a spec or a loaded model; None
        for the library's own, else the chosen one. exclude: globs. every: seconds of a video
        between frames that are looked at, at most; videos that are known are not looked at again
        for another value. annotators: run after, on what they have not seen. Closing the
        generator, or an interrupt, keeps what is done.
        """
        from sensorium.index.adding import adding
        from sensorium.index.annotating import annotating

        paths = [paths] if isinstance(paths, str | Path) else list(paths)
        self.store.require_writable()
        tower = self._model(model)
        added = yield from adding(self.store, paths, model=tower, every=every, exclude=exclude)
        added.felt = yield from annotating(self.store, annotators)
        if added.new or added.known or added.removed:
            self.searcher.renew()
        return added

    @property
    def searcher(self) -> "Searcher":
        """What searches of this library have in common; FAISS is loaded when it is first asked."""
        with self._lock:
            if self._searcher is None:
                from sensorium.index.search import Searcher

                self._searcher = Searcher(self.store)
            return self._searcher

    def search(
        self,
        query: Any,
        *,
        k: int = 10,
        chosen: "Filter | None" = None,
        min_score: float = -1.0,
        model: "DualTower | ModelSpec | str | None" = None,
    ) -> "Hits":
        """The `k` best items for `query` (a Query, or whatever `Query.of` reads).

        chosen: only items that pass it. min_score: cosine that a hit must have. model: one that
        indexed this library; None for the one that did so last.
        Raises InputError when the model, in this revision, never did.
        """
        from sensorium.index.filter import Filter
        from sensorium.index.query import Query

        tower = self._model(model)
        self._check_indexed(tower)
        if chosen and chosen.emotions:
            self._check_felt()
        return self.searcher.search(
            tower, Query.of(query), k=k, chosen=chosen or Filter(), min_score=min_score
        )

    def duplicates(self, threshold: float | None = None) -> "Iterator[tuple[Path, ...]]":
        """Groups of files that show the same, each in the order they were indexed in.

        threshold: cosine from which two pictures are one; None for that of a search.
        """
        from sensorium.index.ranking import SAME
        from sensorium.results import Provenance

        current = self.store.current_model()
        said = Provenance(current.spec, current.revision) if current else Provenance("")
        return self.searcher.duplicates(said, SAME if threshold is None else threshold)

    def _check_indexed(self, tower: "DualTower") -> None:
        """An empty library may be searched with any model; another one not by one it does not know:
        nothing would be found, as if nothing were there."""
        known, asked = self.store.models(), tower.provenance
        if not known or any((m.spec, m.revision) == (asked.model, asked.revision) for m in known):
            return
        again = any(m.spec == asked.model for m in known)
        others = ", ".join(dict.fromkeys(m.spec for m in known))
        raise InputError(
            f"the library “{self.name}” was not indexed with {asked.model}",
            why="the model has changed since" if again else f"it was indexed with {others}",
            hint=f"sensorium index --library {self.name} --model {asked.model}",
        )

    def _is_read(self) -> bool:
        """Whether emotions were looked for, whatever was found."""
        from sensorium.index.felt import TASK

        known = "SELECT EXISTS (SELECT 1 FROM notes WHERE task = ?)"
        return bool(self.store.db.execute(known, (TASK,)).fetchone()[0])

    def _felt(self) -> int | None:
        from sensorium.results.timeline import UNKNOWN

        query = (
            "SELECT count(*) FROM items"
            " WHERE content IN (SELECT content FROM felt WHERE label != ?)"
        )
        count = int(self.store.db.execute(query, (UNKNOWN,)).fetchone()[0])
        return count if self._is_read() else None

    def _check_felt(self) -> None:
        """Where nothing was read, nothing would be found, as if nobody felt anything."""
        from sensorium.index.felt import TASK

        if not self._is_read():
            raise InputError(
                f"the library “{self.name}” knows nothing of emotions",
                why="it was not indexed with them",
                hint=f"sensorium index --library {self.name} --with {TASK}",
            )

    def _model(self, model: "DualTower | ModelSpec | str | None") -> "DualTower":
        from sensorium.models import open as open_model
        from sensorium.roles import DualTower
        from sensorium.spec import Folder, HubRepo, Named

        if model is not None and not isinstance(model, str | Named | HubRepo | Folder):
            return model
        current = self.store.current_model()
        return open_model(model or (current.spec if current else None), DualTower)

    def remove(self, paths: "Iterable[Path | str] | Path | str") -> int:
        """Forget files, and all below folders, with what was computed of them; how many.

        The files themselves are not touched. A folder that was added by name is not indexed again
        until it is named; one inside it is, where it is not excluded.
        """
        from sensorium.index.forgetting import remove

        return remove(self.store, [paths] if isinstance(paths, str | Path) else list(paths))

    def compact(self) -> int:
        """Forget what was computed of files that were deleted or changed since, and give the room
        back; bytes that were freed."""
        from sensorium.index.forgetting import compact

        before = self._bytes()
        compact(self.store)
        return before - self._bytes()

    def forget_people(self) -> int:
        """Delete all that was derived about people (`--with emotion`), without a trace in the
        file; how many notes there were. The files themselves, and the vectors by which they are
        found, stay. Raises Busy while another program reads the library."""
        from sensorium.index.forgetting import forget_people

        self.store.require_writable()
        return forget_people(self.store)

    def export(self, path: Path | str, format: str = "") -> int:
        """Write the entries to `path` as jsonl, csv or parquet, or the files themselves into the
        folder `path` as `copies` or `links`; how many. See `export`."""
        from sensorium.index.export import export

        return export(self.entries(), Path(path).expanduser(), format)

    def info(self) -> LibraryInfo:
        db = self.store.db
        counted = db.execute("SELECT kind, state, count(*) FROM items GROUP BY 1, 2")
        return LibraryInfo(
            name=self.name,
            folder=self.folder,
            version=VERSION,
            items={(kind, state): count for kind, state, count in counted},
            felt=self._felt(),
            models=tuple(self._models()),
            roots=tuple(Path(root) for root in self.store.roots()),
            bytes=self._bytes(),
        )

    def _models(self) -> Iterator[ModelInfo]:
        db, current = self.store.db, self.store.current_model()
        contents = Counter(dict(db.execute("SELECT model, count(*) FROM embedded GROUP BY 1")))
        vectors = Counter(dict(db.execute("SELECT model, count(*) FROM vectors GROUP BY 1")))
        for row in self.store.models():
            yield ModelInfo(
                row.spec,
                row.revision,
                row.dimensions,
                contents[row.id],
                vectors[row.id],
                current is not None and row.id == current.id,
            )

    def _bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def libraries(home: Path | None = None) -> list[str]:
    """Names of the libraries there are."""
    folder = _libraries(home)
    return sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))


def remove_library(name: str, home: Path | None = None) -> None:
    """Delete a library; the files it knew are not touched. Raises NotFound."""
    folder = _libraries(home) / _checked(name)
    if not (folder / FILE).is_file():
        raise NotFound(f"there is no library “{name}”", hint=", ".join(libraries(home)))
    shutil.rmtree(folder)


def _libraries(home: Path | None) -> Path:
    return (home or default_home()) / "libraries"


def _checked(name: str) -> str:
    if not name or name.startswith(".") or set(name) & set('/\\:\0*?"<>|') or name != name.strip():
        raise InputError(
            f"“{name}” cannot name a library",
            why="its name is a folder's: no / \\ : and no dot in front",
        )
    return name
