"""From a ModelSpec to a Checkpoint: built in, in the Hub's cache, or a folder. Never downloads."""

from pathlib import Path

from sensorium.errors import NotFound
from sensorium.runtime.catalogue import BUILTIN, catalogue
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
    return resolve(row.model_spec)


def _folder(spec: Folder, path: Path) -> Checkpoint:
    if not path.is_dir():
        raise NotFound(f"{spec} does not exist", f"{path} is no folder")
    return Checkpoint(spec, path, digest(path))
