"""Which kind of media a file is: by its suffix when walking, by its first bytes when decoding."""

from enum import StrEnum
from pathlib import Path


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
    Kind.IMAGE: ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .heic .heif .avif .ppm .pgm",
    Kind.VIDEO: ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .wmv .flv .3gp .mts .m2ts .ogv",
    Kind.AUDIO: ".wav .mp3 .flac .ogg .oga .opus .m4a .aac .wma .aif .aiff",
    Kind.TEXT: ".txt .md .srt .vtt",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_SUFFIX |= dict.fromkeys(RAW_SUFFIXES, Kind.IMAGE)


def kind_of(path: Path | str) -> Kind | None:
    """The kind that a suffix promises; None for files that are not ours."""
    return _BY_SUFFIX.get(Path(path).suffix.lower())


def sniff(head: bytes) -> Kind | None:
    """The kind that the first 64 bytes tell, None when they tell nothing (plain text, say)."""
    for kind, offset, magic in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx "):
            return Kind.IMAGE
        return Kind.AUDIO if brand in (b"M4A ", b"M4B ") else Kind.VIDEO
    return None


# (kind, offset, bytes); containers that may hold sound alone (Ogg, Matroska) say what they are
# used for most, and the decoder corrects it.
_MAGIC: tuple[tuple[Kind, int, bytes], ...] = (
    (Kind.IMAGE, 0, b"\xff\xd8\xff"),
    (Kind.IMAGE, 0, b"\x89PNG\r\n\x1a\n"),
    (Kind.IMAGE, 0, b"GIF8"),
    (Kind.IMAGE, 8, b"WEBP"),
    (Kind.IMAGE, 0, b"BM"),
    (Kind.IMAGE, 0, b"II*\x00"),
    (Kind.IMAGE, 0, b"MM\x00*"),
    (Kind.IMAGE, 0, b"FUJIFILM"),
    (Kind.IMAGE, 0, b"IIU\x00"),
    (Kind.IMAGE, 0, b"IIRO"),
    (Kind.VIDEO, 8, b"AVI "),
    (Kind.VIDEO, 0, b"\x1aE\xdf\xa3"),
    (Kind.VIDEO, 0, b"FLV"),
    (Kind.VIDEO, 0, b"\x00\x00\x01\xba"),
    (Kind.VIDEO, 0, b"0&\xb2u"),
    (Kind.AUDIO, 8, b"WAVE"),
    (Kind.AUDIO, 0, b"fLaC"),
    (Kind.AUDIO, 0, b"OggS"),
    (Kind.AUDIO, 0, b"ID3"),
    (Kind.AUDIO, 0, b"\xff\xfb"),
    (Kind.AUDIO, 0, b"\xff\xf1"),
    (Kind.AUDIO, 8, b"AIFF"),
)
