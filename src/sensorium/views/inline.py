"""Pictures inside a terminal: which way this one takes, and the bytes for it.

kitty   its graphics protocol (kitty, Ghostty, Konsole)
iterm   inline images of iTerm2 (iTerm2, WezTerm, mintty)
sixel   of the VT340 (foot, Windows Terminal, xterm -ti vt340), for those that say so
blocks  coloured half blocks, anywhere else
"""

import base64
import io
import os
import re
import select
import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

import numpy as np
from PIL import Image as Pil


class Protocol(StrEnum):
    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"
    BLOCKS = "blocks"


CELL = (10, 20)
"""Pixels of a character cell where the terminal does not tell."""


def protocol(environment: Mapping[str, str]) -> Protocol:
    """What the terminal says of itself in its environment; sixel is found by `answers_sixel`."""
    if "TMUX" in environment or "STY" in environment:
        return Protocol.BLOCKS  # a multiplexer hides what it runs in, and eats the sequences
    program = environment.get("TERM_PROGRAM", "")
    term = environment.get("TERM", "")
    if "KITTY_WINDOW_ID" in environment or "KONSOLE_VERSION" in environment:
        return Protocol.KITTY
    if term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return Protocol.KITTY
    if program in ("iTerm.app", "WezTerm", "mintty") or environment.get("LC_TERMINAL") == "iTerm2":
        return Protocol.ITERM
    return Protocol.BLOCKS


@cache
def here() -> Protocol:
    """The protocol of the terminal that this process writes to."""
    found = protocol(os.environ)
    multiplexed = "TMUX" in os.environ or "STY" in os.environ
    if found is Protocol.BLOCKS and not multiplexed and answers_sixel():
        return Protocol.SIXEL
    return found


def escape(picture: Pil.Image, way: Protocol, columns: int, rows: int) -> str:
    """What to write so that the picture stands in `columns` x `rows` cells from the cursor on.

    The cursor ends where it began, and there is room below: near the end of the screen the
    terminal scrolls first.
    """
    room = "\x1bD" * rows + f"\x1b[{rows}A"
    fitted = picture.copy()
    fitted.thumbnail((columns * CELL[0], rows * CELL[1]))
    match way:
        case Protocol.KITTY:
            drawn = _kitty(fitted, columns, rows)
        case Protocol.ITERM:
            drawn = _iterm(fitted, columns, rows)
        case _:
            drawn = sixel(fitted)
    return f"{room}\x1b7{drawn}\x1b8"


def _png(picture: Pil.Image) -> str:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def _kitty(picture: Pil.Image, columns: int, rows: int) -> str:
    """https://sw.kovidgoyal.net/kitty/graphics-protocol: chunks of 4096, no answer, no move."""
    data = _png(picture)
    chunks = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    width, height = _cells(picture, columns, rows)
    head = f"a=T,f=100,q=2,C=1,c={width},r={height},"
    parts = []
    for place, chunk in enumerate(chunks):
        more = int(place < len(chunks) - 1)
        parts.append(f"\x1b_G{head if place == 0 else ''}m={more};{chunk}\x1b\\")
    return "".join(parts)


def _iterm(picture: Pil.Image, columns: int, rows: int) -> str:
    """https://iterm2.com/documentation-images.html"""
    width, height = _cells(picture, columns, rows)
    return f"\x1b]1337;File=inline=1;width={width};height={height}:{_png(picture)}\x07"


def _cells(picture: Pil.Image, columns: int, rows: int) -> tuple[int, int]:
    """The cells that the picture fills without losing its shape."""
    width, height = -(-picture.width // CELL[0]), -(-picture.height // CELL[1])
    return min(columns, max(1, width)), min(rows, max(1, height))


def sixel(picture: Pil.Image) -> str:
    """DEC STD 070: bands of six rows, a pass a colour, runs of the same column shortened."""
    reduced = picture.convert("RGB").quantize(64)
    palette = np.asarray(reduced.getpalette(), np.int64).reshape(-1, 3)
    pixels = np.asarray(reduced)
    height, width = pixels.shape
    parts = [f'\x1bPq"1;1;{width};{height}']
    for number, (red, green, blue) in enumerate(palette * 100 // 255):
        parts.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        bits = 1 << np.arange(len(band))
        for number in np.unique(band):
            columns = bits @ (band == number)
            parts.append(f"#{number}{_runs(bytes(columns.astype(np.uint8) + 63).decode())}$")
        parts.append("-")
    return "".join(parts) + "\x1b\\"


def _runs(text: str) -> str:
    return re.sub(r"(.)\1{3,}", lambda run: f"!{len(run[0])}{run[1]}", text)


def answers_sixel() -> bool:
    """Ask the terminal what it can (DA1) and wait a fifth of a second for its answer."""
    if sys.platform == "win32" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    import termios
    import tty

    channel = sys.stdin.fileno()
    before = termios.tcgetattr(channel)
    try:
        tty.setcbreak(channel)
        os.write(sys.stdout.fileno(), b"\x1b[c")
        answer = b""
        while not answer.endswith(b"c") and select.select([channel], [], [], 0.2)[0]:
            answer += os.read(channel, 64)
    finally:
        termios.tcsetattr(channel, termios.TCSADRAIN, before)
    found = re.search(rb"\x1b\[\?([\d;]+)c", answer)
    return found is not None and b"4" in found[1].split(b";")
