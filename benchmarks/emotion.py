"""The whole chain of `sensorium emotion` on long videos: how fast, and how much memory.

    python benchmarks/emotion.py --clips FILE ... --sounds FILE ... [--minutes 1 10 60]
                                 [--height 720] [--only text,voice,face] [--json]

The clips (with faces) and the sounds (with speech) are put together into a loop of two minutes, 25
frames a second, H.264 of the given height with AAC of 48 kHz, and that loop is repeated, without
encoding it again, to the wanted length (it is kept in the cache); a cue of a transcript comes every
four seconds. Every length is read by a process of its own, whose seconds and peak of resident
memory are told.
"""

import json
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from measuring import machine, parser, report, run, say
from sensorium.media import Video
from sensorium.media.sound import read_sound

RATE, FPS, LOOP = 48_000, 25, 120  # samples and frames a second, seconds of the loop
CLIP = 300  # frames of a clip, which is shown to and fro where it is shorter
SAID = ("I waited for hours, and nobody came.", "Then you called!", "It is a table.", "我很高兴。")
CHILD = """
import json, sys
import sensorium as sm
video, cues, only = sys.argv[1:]
told = sm.emotion(video, transcript=cues if "text" in only else None, lang="en", only=only)
print(json.dumps({
    "seen": {name: sum(row.seen) for name, row in told.rows.items()},
    "evidence": len(told.evidence),
    "json_mb": round(len(told.to_json()) / 1e6, 2),
    "models": told.provenance.model,
}))
"""


def main() -> None:
    line = parser(__doc__)
    line.add_argument("--clips", type=Path, nargs="+", required=True)
    line.add_argument("--sounds", type=Path, nargs="+", required=True)
    line.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60])
    line.add_argument("--height", type=int, default=720)
    line.add_argument("--only", default="text,voice,face")
    given = line.parse_args()
    loop = given.cache / f"emotion-loop-{given.height}.mp4"
    if not loop.exists():
        given.cache.mkdir(parents=True, exist_ok=True)
        unfinished = loop.with_suffix(".partial.mp4")
        write_loop(given.clips, given.sounds, given.height, unfinished)
        unfinished.replace(loop)
    with tempfile.TemporaryDirectory() as folder:
        runs = [measured(given, loop, Path(folder), minutes) for minutes in given.minutes]
    told = {str(one["minutes"]): one for one in runs}
    facts = machine("av", "onnxruntime")
    report(given, "emotion", {"machine": facts, "height": given.height, "runs": told})


def measured(given: Namespace, loop: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """What a process of its own takes for a video of that length."""
    video, cues = folder / "long.mp4", folder / "long.srt"
    repeat(loop, minutes * 60, video)
    cues.write_text("".join(subtitles(minutes * 60)), "utf-8")
    spent = run([sys.executable, "-c", CHILD, video, cues, given.only])
    told: dict[str, Any] = json.loads(spent.output.strip().splitlines()[-1])
    found = {
        "minutes": minutes,
        "times_faster": round(minutes * 60 / spent.wall, 1),
        "seconds": round(spent.wall, 1),
        "cpu_seconds_per_minute": round(spent.cpu / minutes, 2),
        "peak_mb": round(spent.peak / 1e6),
    }
    say(given, f"{found} {told}")
    return found | told


def subtitles(seconds: float) -> Iterator[str]:
    """A cue every four seconds."""
    for number, at in enumerate(range(0, int(seconds), 4)):
        place = f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}"
        words = SAID[number % len(SAID)]
        yield f"{number + 1}\n{place},000 --> {place},900\n{words}\n\n"


def write_loop(clips: Sequence[Path], sounds: Sequence[Path], height: int, out: Path) -> None:
    """Two minutes of them."""
    samples, step = speech(sounds), RATE // FPS
    with av.open(str(out), "w") as target:
        picture = target.add_stream("libx264", rate=FPS)
        picture.width, picture.height = height * 16 // 9 // 2 * 2, height
        picture.pix_fmt, picture.options = "yuv420p", {"crf": "23", "preset": "veryfast"}
        sound = target.add_stream("aac", rate=RATE)
        shown = islice(frames(clips, picture.width, height), LOOP * FPS)
        for number, pixels in enumerate(shown):
            target.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            piece = np.ascontiguousarray(samples[None, number * step : (number + 1) * step])
            heard = av.AudioFrame.from_ndarray(piece, "fltp", "mono")
            heard.sample_rate, heard.pts = RATE, number * step
            target.mux(sound.encode(heard))
        target.mux(picture.encode(None))
        target.mux(sound.encode(None))


def frames(clips: Sequence[Path], width: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """Clip after clip, letterboxed."""
    for path in cycle(clips):
        shown = [one.pixels for one in islice(Video(path).frames(1 / FPS), CLIP)]
        order = cycle([*range(len(shown)), *range(len(shown) - 2, 0, -1)] or [0])
        for at in islice(order, CLIP):
            picture = Image.fromarray(shown[at])
            scale = min(width / picture.width, height / picture.height)
            size = round(picture.width * scale), round(picture.height * scale)
            frame = Image.new("RGB", (width, height))
            frame.paste(picture.resize(size), ((width - size[0]) // 2, (height - size[1]) // 2))
            yield np.asarray(frame)


def speech(sounds: Sequence[Path]) -> NDArray[np.float32]:
    """The sounds, one after another, as long as the loop."""
    parts: list[NDArray[np.float32]] = []
    for path in cycle(sounds):
        parts += [piece.samples for piece in read_sound(path, rate=RATE)]
        if sum(map(len, parts)) >= LOOP * RATE:
            break
    return np.concatenate(parts)[: LOOP * RATE]


def repeat(loop: Path, seconds: float, out: Path) -> None:
    """The loop's packets again and again."""
    with av.open(str(loop)) as source, av.open(str(out), "w") as target:
        streams = {one.index: target.add_stream_from_template(one) for one in source.streams}
        last = dict.fromkeys(
            streams, -(2**62)
        )  # sound is padded: a turn begins within the last one
        for begin in range(0, int(seconds), LOOP):
            source.seek(0)
            for packet in source.demux():
                if packet.dts is None or begin + packet.pts * packet.time_base >= seconds:
                    continue
                shift = round(begin / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                if packet.dts <= last[packet.stream.index]:
                    continue
                last[packet.stream.index] = packet.dts
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


if __name__ == "__main__":
    main()
