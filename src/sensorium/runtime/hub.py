"""From a ModelSpec to a Checkpoint: built in, in the Hub's cache, or a folder. Never downloads.

The cache is the one that every program of the Hub shares, in its documented layout
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache); it is read here without the Hub's
library, whose import costs more than most searches.
"""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensorium.errors import InputError, ModelMissing, NotFound
from sensorium.runtime.catalogue import BUILTIN, Row, row_named, row_of
from sensorium.runtime.checkpoint import Checkpoint, digest
from sensorium.runtime.home import settings
from sensorium.runtime.layouts import SETTINGS, graphs, torch_weights
from sensorium.spec import Folder, HubRepo, ModelSpec, Named, parse_spec

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LICENCE = re.compile(r"^license:\s*[\"']?([^\s\"']+)", re.MULTILINE)


def resolve(spec: ModelSpec) -> Checkpoint:
    """Where `spec` is on this machine; ModelMissing (with the pull command) when it is not."""
    match spec:
        case Named(name):
            return _named(name)
        case Folder(path):
            return _folder(spec, path)
        case HubRepo():
            return _in_cache(spec)


def _named(name: str) -> Checkpoint:
    chosen = parse_spec(settings().get("models", {}).get(name) or name)
    if not isinstance(chosen, Named):
        return resolve(chosen)
    name = chosen.name
    row = row_named(name)
    if row is None:
        raise NotFound(f"there is no model “{name}”", hint="sensorium models list")
    if row.folder:
        folder = BUILTIN / row.folder
        if not folder.is_dir():
            raise ModelMissing(
                f"“{name}” is not on this machine",
                why="its files are not installed",
                hint="--model dir:FOLDER, where a run of sensorium train ended",
            )
        return Checkpoint(Named(row.name), folder, digest(folder), row.licence)
    if row.package:
        return _packaged(row)
    return resolve(row.model_spec)


def _packaged(row: Row) -> Checkpoint:
    """Weights that lie in an installed Python package; its version is the revision."""
    found = importlib.util.find_spec(row.package)  # looks for it, does not import it
    if found is None or found.origin is None:
        raise ModelMissing(
            f"“{row.name}” is not on this machine",
            why=f"it comes with the package {row.package}",
            hint=row.install,
        )
    version = _version(row.package)
    return Checkpoint(Named(row.name), Path(found.origin).parent, version, row.licence)


def _version(package: str) -> str:
    """Of the distribution that brings it; some are named otherwise (`cv2` comes with several)."""
    from importlib.metadata import PackageNotFoundError, packages_distributions
    from importlib.metadata import version as version_of  # late, see `shelf`

    try:
        return version_of(package)
    except PackageNotFoundError:
        return version_of(packages_distributions()[package][0])


def _folder(spec: Folder, path: Path) -> Checkpoint:
    if not path.is_dir():
        raise NotFound(f"{spec} does not exist", f"{path} is no folder")
    return Checkpoint(spec, path, digest(path))


def hub_cache() -> Path:
    """Where the Hub's files are kept: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, as for everyone."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    general = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("HF_HOME", f"{general}/huggingface")).expanduser() / "hub"


def repo_folder(repo: str) -> Path:
    return hub_cache() / f"models--{repo.replace('/', '--')}"


def commit_of(spec: HubRepo) -> str:
    """The commit that the cache knows for the spec's revision, empty where it knows none."""
    if _COMMIT.fullmatch(spec.revision):
        return spec.revision
    try:
        return (repo_folder(spec.repo) / "refs" / spec.revision).read_text("utf-8").strip()
    except OSError:
        return ""


@dataclass(frozen=True)
class Cached:
    """A model of the Hub's cache that we could open. megabytes: on disk."""

    checkpoint: Checkpoint
    megabytes: float


def cached() -> Iterator[Cached]:
    """What the Hub's cache holds of models with two towers or settings that name a family, by
    name; a repository that is only partly there is passed by."""
    for folder in sorted(hub_cache().glob("models--*--*")):
        repo = folder.name.removeprefix("models--").replace("--", "/", 1)
        for revision in _revisions(folder):
            try:
                checkpoint = resolve(HubRepo(repo, revision))
            except (ModelMissing, InputError):
                continue
            files = (path for path in checkpoint.folder.rglob("*") if path.is_file())
            yield Cached(checkpoint, sum(path.stat().st_size for path in files) / 1e6)


def _revisions(folder: Path) -> Iterator[str]:
    """Branches and tags that a repository's folder knows, then commits that none of them names."""
    named = set()
    for ref in sorted(path for path in (folder / "refs").rglob("*") if path.is_file()):
        named.add(ref.read_text("utf-8").strip())
        yield ref.relative_to(folder / "refs").as_posix()
    yield from sorted({path.name for path in (folder / "snapshots").glob("*")} - named)


def remove(spec: HubRepo) -> float:
    """Delete the revision from the Hub's cache, with the files that no other revision needs; gives
    the megabytes that this freed. Other programs that use the cache lose it too."""
    snapshot = resolve(spec).folder
    folder = repo_folder(spec.repo)
    # Not by the Hub's library: it goes by the commit alone, and a duplicate of a repository has the
    # same commits.
    others = [path for path in (folder / "snapshots").iterdir() if path != snapshot]
    kept = {path.resolve() for other in others for path in other.rglob("*")}
    gone = {path.resolve() for path in snapshot.rglob("*") if path.is_file()} - kept
    freed = sum(path.stat().st_size for path in gone)
    if not others:
        shutil.rmtree(folder)
        return freed / 1e6
    for ref in [path for path in (folder / "refs").rglob("*") if path.is_file()]:
        if ref.read_text("utf-8").strip() == snapshot.name:
            ref.unlink()
    shutil.rmtree(snapshot)
    for path in gone:
        path.unlink(missing_ok=True)
    return freed / 1e6


def _in_cache(spec: HubRepo) -> Checkpoint:
    commit = commit_of(spec)
    folder = repo_folder(spec.repo) / "snapshots" / commit
    if not commit or not folder.is_dir():
        raise _missing(spec, "nothing is downloaded unasked")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    settled = not files.isdisjoint(SETTINGS)
    if not settled or not (graphs(files) or any(torch_weights(files))):
        raise _missing(spec, "only a part of it is here")
    return Checkpoint(spec, folder, commit, _licence(folder) or _row_licence(spec))


def _row_licence(spec: HubRepo) -> str:
    row = row_of(spec)
    return row.licence if row else ""


def _missing(spec: HubRepo, why: str) -> ModelMissing:
    row = row_of(spec)
    known = f"   ({row.megabytes:.0f} MB, {row.licence})" if row else ""
    return ModelMissing(
        f"{spec} is not on this machine", why, f"sensorium models pull {spec}{known}"
    )


def _licence(folder: Path) -> str:
    """As the head of the model's card states it, empty where it does not."""
    try:
        card = (folder / "README.md").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    head = card.split("---", 2)[1] if card.startswith("---") else ""
    stated = _LICENCE.search(head)
    return stated[1] if stated else ""
