import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from sensorium.views.inline import Protocol, escape, protocol, sixel


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "ghostty"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, Protocol.ITERM),
        ({"TERM_PROGRAM": "WezTerm"}, Protocol.ITERM),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, Protocol.BLOCKS),
        ({"TERM": "xterm-256color"}, Protocol.BLOCKS),
        ({}, Protocol.BLOCKS),
    ],
)
def test_the_terminal_says_what_it_is(environment: dict[str, str], way: Protocol) -> None:
    assert protocol(environment) is way


def test_kitty_gets_the_picture_in_chunks() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    sequence = escape(Image.fromarray(noise), Protocol.KITTY, 18, 5)
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sequence)
    assert "c=9,r=3" in chunks[0][0] and all(len(data) <= 4096 for _, data in chunks)
    assert [head[-3:] for head, _ in chunks] == ["m=1"] * (len(chunks) - 1) + ["m=0"]
    whole = base64.b64decode("".join(data for _, data in chunks))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(whole))), noise)


def decoded(text: str) -> NDArray[np.uint8]:
    """A sixel picture as the terminal paints it."""
    size = re.match(r'\x1bPq"1;1;(\d+);(\d+)', text)
    assert size is not None
    width, height = int(size[1]), int(size[2])
    painted = np.zeros((height + 5, width, 3), np.uint8)
    palette: dict[str, list[int]] = {}
    colour, x, y = "", 0, 0
    marks = r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|(\$)|(-)|!(\d+)(.)|([?-~])"
    for mark in re.finditer(marks, text[size.end() :].removesuffix("\x1b\\")):
        name, *shares = mark.groups()[:4]
        if name is not None:
            palette[name] = [int(share) * 255 // 100 for share in shares]
        elif mark[5] is not None:
            colour = mark[5]
        elif mark[6]:
            x = 0
        elif mark[7]:
            x, y = 0, y + 6
        else:
            times, bits = int(mark[8] or 1), ord(mark[9] or mark[10]) - 63
            for row in range(6):
                if bits >> row & 1:
                    painted[y + row, x : x + times] = palette[colour]
            x += times
    return painted[:height]


@given(arrays.arrays(np.uint8, (13, 9), elements=st.sampled_from([0, 255])))
def test_sixel_paints_the_picture(pixels: NDArray[np.uint8]) -> None:
    picture = Image.fromarray(np.stack([pixels, pixels.T[:9, :9].repeat(2, 0)[:13], pixels], -1))
    seen = decoded(sixel(picture))
    assert np.abs(seen.astype(int) - np.asarray(picture).astype(int)).max() <= 3
