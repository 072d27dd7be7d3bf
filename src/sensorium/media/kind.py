"""Which kind of media a file is: by its suffix when walking, by its first bytes when decoding."""

from enum import StrEnum
from os import SEEK_CUR
from os.path import splitext
from pathlib import Path
from typing import BinaryIO


class Kind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"


RAW_SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .kdc .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 "
    ".rwl .sr2 .srf .srw .x3f".split()
)
_SUFFIXES: dict[Kind, str] = {
    Kind.IMAGE: (
        ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .bmp .dib .tif .tiff "
        ".heic .heif .hif .avif .ppm .pgm .pbm .pnm"
    ),
    Kind.VIDEO: ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .wmv .flv .3gp .mts .m2ts .ogv",
    Kind.AUDIO: ".wav .mp3 .flac .ogg .oga .opus .m4a .aac .wma .aif .aiff",
    Kind.TEXT: ".txt .md .srt .vtt",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_SUFFIX |= dict.fromkeys(RAW_SUFFIXES, Kind.IMAGE)


def kind_of(path: Path | str) -> Kind | None:
    """The kind that a suffix promises; None for files that are not ours. A GIF may move: see
    `is_animated_gif`."""
    # A walk asks this of every name, and a Path costs ten times as much.
    return _BY_SUFFIX.get(splitext(path)[1].lower())  # noqa: PTH122


HEAD = 512  # bytes that `sniff` looks at


def sniff(head: bytes) -> Kind | None:
    """The kind that the first `HEAD` bytes tell, None when they tell nothing (plain text, say)."""
    for kind, offset, magic in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _STILLS:
            return Kind.IMAGE
        return Kind.AUDIO if brand in (b"M4A ", b"M4B ") else Kind.VIDEO
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return Kind.IMAGE
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b"\n\r\t ":
        return Kind.IMAGE if len(head) > 3 and (head[3:4].isdigit() or head[3:4] == b"#") else None
    if head[:1] == b"\xff" and head[1:2] in _MPEG_SOUND:
        return Kind.AUDIO
    return Kind.VIDEO if _is_transport_stream(head) else None


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes that begin with `G`; cameras put a clock of 4 bytes before each."""
    plain, clocked = head[0::188], head[4::192]
    return len(head) >= HEAD and (set(plain) == {0x47} or set(clocked) == {0x47})


def kind_of_file(path: Path) -> Kind | None:
    """The kind of an existing file: by its suffix, by its bytes where the suffix says nothing or
    says GIF, which is a video when it moves."""
    kind = kind_of(path)
    if kind is not None and path.suffix.lower() != ".gif":
        return kind
    with path.open("rb") as file:
        head = file.read(HEAD)
        if head[:4] == b"GIF8":
            file.seek(0)
            return Kind.VIDEO if is_animated_gif(file) else Kind.IMAGE
    return sniff(head) or kind


def is_animated_gif(file: BinaryIO) -> bool:
    """Whether a GIF has a second frame; blocks are stepped over, nothing is decoded."""
    head = file.read(13)
    if head[:4] != b"GIF8" or len(head) < 13:
        return False
    file.seek(_palette(head[10]), SEEK_CUR)
    frames = 0
    while frames < 2:
        match file.read(1):
            case b",":  # a frame: its place, a palette, the code size, the data
                frames += 1
                place = file.read(9)
                if len(place) < 9:
                    return False
                file.seek(_palette(place[8]) + 1, SEEK_CUR)
            case b"!":  # an extension: its label, then its data
                file.seek(1, SEEK_CUR)
            case _:
                return False
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], SEEK_CUR)
    return True


def _palette(flags: int) -> int:
    """Bytes of the palette that follows."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


# The second byte of MPEG audio without a tag before it: layers II and III, AAC.
_MPEG_SOUND = frozenset(bytes([byte]) for byte in b"\xfa\xfb\xf2\xf3\xe2\xe3\xfc\xfd\xf1\xf9")

_STILLS = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1 avif avis".split()) | {
    b"crx "
}

# (kind, offset, bytes); containers that may hold sound alone (Ogg, Matroska) say what they are
# used for most, and the decoder corrects it.
_MAGIC: tuple[tuple[Kind, int, bytes], ...] = (
    (Kind.IMAGE, 0, b"\xff\xd8\xff"),
    (Kind.IMAGE, 0, b"\x89PNG\r\n\x1a\n"),
    (Kind.IMAGE, 0, b"GIF87a"),
    (Kind.IMAGE, 0, b"GIF89a"),
    (Kind.IMAGE, 8, b"WEBP"),
    (Kind.IMAGE, 0, b"II*\x00"),
    (Kind.IMAGE, 0, b"MM\x00*"),
    (Kind.IMAGE, 0, b"II+\x00"),
    (Kind.IMAGE, 0, b"MM\x00+"),
    (Kind.IMAGE, 0, b"FUJIFILM"),
    (Kind.IMAGE, 0, b"IIU\x00"),
    (Kind.IMAGE, 0, b"IIRO"),
    (Kind.IMAGE, 0, b"IIRS"),
    (Kind.IMAGE, 0, b"MMOR"),
    (Kind.IMAGE, 0, b"FOVb"),
    (Kind.IMAGE, 0, b"\x00MRM"),
    (Kind.IMAGE, 6, b"HEAPCCDR"),
    (Kind.VIDEO, 8, b"AVI "),
    (Kind.VIDEO, 0, b"\x1aE\xdf\xa3"),
    (Kind.VIDEO, 0, b"FLV\x01"),
    (Kind.VIDEO, 0, b"\x00\x00\x01\xba"),
    (Kind.VIDEO, 0, b"\x00\x00\x01\xb3"),
    (Kind.VIDEO, 0, b"0&\xb2u\x8ef\xcf\x11"),
    (Kind.VIDEO, 4, b"moov"),
    (Kind.VIDEO, 4, b"mdat"),
    (Kind.AUDIO, 8, b"WAVE"),
    (Kind.AUDIO, 0, b"fLaC"),
    (Kind.AUDIO, 0, b"OggS"),
    (Kind.AUDIO, 0, b"ID3"),
    (Kind.AUDIO, 8, b"AIFF"),
    (Kind.AUDIO, 8, b"AIFC"),
)
