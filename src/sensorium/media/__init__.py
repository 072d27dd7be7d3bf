"""What an input is, and how its bytes become arrays."""

from sensorium.media.kind import Kind
from sensorium.media.media import Audio, Image, Media, Text, Video, text
from sensorium.media.span import Span

__all__ = ["Audio", "Image", "Kind", "Media", "Span", "Text", "Video", "text"]
