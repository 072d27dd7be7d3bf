"""Makes a folder of JPEG photographs as a camera would write them, the same for the same seed.

    python benchmarks/corpus.py --megapixels 12 --count 500

Each is a piece of 1/f noise (the spectrum of natural pictures: Field 1987), with a tint, shapes
with edges and flat areas, and a sensor's noise; JPEG quality 90 with 4:2:0 colour, so that 12
megapixels take 2 to 5 MB. They show nothing: only the cost of reading and encoding is measured.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw

from measuring import machine, parser, report, say

SIZES = {12: (4000, 3000), 1: (1152, 864)}
_POOL = 4608  # pixels a side of the noise that pieces are cut from
_SOFTNESS = 1.3  # exponent of the amplitude spectrum; natural pictures are about 1
_GRAIN = (0.8, 2.4)  # standard deviation of the sensor's noise, of 255: low to high ISO


def corpus(folder: Path, megapixels: int, count: int, seed: int = 0) -> list[Path]:
    """`count` JPEGs in `folder`; those that are there already are kept."""
    paths = [folder / f"photo-{number:05}.jpg" for number in range(count)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        pool = _noise(np.random.default_rng(seed))
        for number, path in missing:
            random = np.random.default_rng((seed, megapixels, number))
            photo = _photo(pool, SIZES[megapixels], random)
            photo.save(path, quality=90, subsampling="4:2:0", exif=_exif(number))
    return paths


def _exif(number: int) -> Image.Exif:
    """What a camera writes: its name, the time, an upright picture."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Noise 1/f"
    exif[ExifTags.Base.Orientation] = 1
    times = exif.get_ifd(ExifTags.IFD.Exif)
    times[ExifTags.Base.DateTimeOriginal] = f"2024:05:{number % 28 + 1:02} 12:00:{number % 60:02}"
    return exif


def _noise(random: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (side, side, 3) of 1/f noise, its channels alike as those of photographs are."""
    frequencies = np.hypot(np.fft.fftfreq(_POOL)[:, None], np.fft.rfftfreq(_POOL)[None, :])
    frequencies[0, 0] = 1
    filters = (frequencies**-_SOFTNESS).astype(np.float32)
    filters[0, 0] = 0
    planes = []
    for _ in range(3):
        white = random.standard_normal((_POOL, _POOL), np.float32)
        plane = np.fft.irfft2(np.fft.rfft2(white) * filters, s=(_POOL, _POOL))
        planes.append(plane / plane.std())
    light, red, blue = planes
    channels = np.stack([light + 0.25 * red, light, light + 0.25 * blue], axis=-1)
    return np.clip(128 + 55 * channels, 0, 255).astype(np.uint8)


def _photo(
    pool: NDArray[np.uint8], size: tuple[int, int], random: np.random.Generator
) -> Image.Image:
    width, height = size
    top, left = random.integers(0, _POOL - height), random.integers(0, _POOL - width)
    piece = pool[top : top + height, left : left + width]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    picture = Image.fromarray(np.ascontiguousarray(piece))
    bends = 0.7 + 0.6 * random.random(3)
    curves = [255 * (np.arange(256) / 255) ** bend for bend in bends]
    picture = picture.point(np.concatenate(curves).astype(int).tolist())
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(4, 12)):
        _shape(draw, size, random)
    return _grained(picture, random)


def _shape(draw: Any, size: tuple[int, int], random: np.random.Generator) -> None:
    centre = random.random(2) * size
    radius = random.uniform(0.02, 0.15) * min(size)
    angles = np.sort(random.random(random.integers(3, 9))) * 2 * np.pi
    corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    draw.polygon([tuple(corner) for corner in corners], fill=tuple(random.integers(0, 256, 3)))


def _grained(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    pixels = np.asarray(picture, np.int16)
    height, width, _ = pixels.shape
    tile = np.rint(random.normal(0, random.uniform(*_GRAIN), (512, 512, 3))).astype(np.int16)
    grain = np.tile(tile, (-(-height // 512), -(-width // 512), 1))[:height, :width]
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def folder_of(arguments: argparse.Namespace, megapixels: int, count: int) -> Path:
    """The corpus in the cache folder, made where it is not there yet."""
    folder: Path = arguments.cache / f"corpus-{megapixels}mp-{count}"
    say(arguments, f"corpus: {count} JPEGs of {megapixels} MP in {folder}")
    corpus(folder, megapixels, count)
    return folder


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--megapixels", type=int, choices=SIZES, default=12)
    options.add_argument("--count", type=int, default=500)
    arguments = options.parse_args()
    folder = folder_of(arguments, arguments.megapixels, arguments.count)
    sizes = [path.stat().st_size / 1e6 for path in folder.glob("*.jpg")]
    figures = {
        "folder": str(folder),
        "n": len(sizes),
        "megapixels": arguments.megapixels,
        "median_megabytes": float(np.median(sizes)),
        "lowest_megabytes": min(sizes),
        "highest_megabytes": max(sizes),
        "machine": machine("numpy", "pillow"),
    }
    report(arguments, "corpus", figures)


if __name__ == "__main__":
    main()
