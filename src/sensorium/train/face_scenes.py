"""Canvases for a detector of faces, put together by chance: faces at many sizes and angles in
scenes without people, scenes with the faces that a teacher found, and portraits as they are.

Everything follows from the generator of chance that is handed in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sensorium.train.face_data import Floats, Pixels, Portrait, Scene, decoded
from sensorium.train.face_net import Canvas

_MIRRORED = [1, 0, 2, 4, 3]  # points of a face in a mirror
_SMALLEST, _LARGEST = 11.0, 210.0  # sides of faces, pixels
_HEAD = 1.0  # sides of the box from its middle to the edge of what is pasted
_TINY = 100  # pixels of a scene that is made no larger than a part of a canvas
_SURROUNDINGS = 0.95  # sides of the box about a portrait's face that surely hold no other


@dataclass(frozen=True)
class Stock:
    """What canvases are made of. things: RGBA pictures that lie about and cover."""

    portraits: list[Portrait]
    empty: list[Scene]
    peopled: list[Scene]
    things: list[NDArray[np.uint8]]
    side: int
    """Of a canvas, pixels."""

    def canvas(self, chance: np.random.Generator) -> Canvas:
        kind = chance.random()
        if kind < 0.5:
            made = self._pasted(chance)
        elif kind < 0.82:
            made = self._peopled(chance)
        else:
            made = self._portrait(chance)
        if chance.random() < 0.5:
            made = _mirrored(made)
        return Canvas(_weathered(made.pixels, chance), made.xyxy, made.points, made.open)

    def _background(self, chance: np.random.Generator) -> Image.Image:
        """A part of a scene without people, or several side by side, which are sharper."""
        count = int(chance.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
        whole, each = Image.new("RGB", (self.side, self.side)), -(-self.side // count)
        for at in range(count * count):
            whole.paste(self._part(chance, each), (at % count * each, at // count * each))
        if chance.random() < 0.12:
            _write(whole, chance)
        return whole

    def _part(self, chance: np.random.Generator, side: int) -> Image.Image:
        image = Image.fromarray(decoded(self.empty[chance.integers(len(self.empty))].image))
        while min(image.size) < _TINY and side > _TINY and chance.random() < 0.9:
            # Made that much larger a scene is a blur, and what is sharp on it is told by that.
            image = Image.fromarray(decoded(self.empty[chance.integers(len(self.empty))].image))
        share = chance.uniform(0.5, 1.0)
        width, height = (share * s * chance.uniform(0.8, 1) for s in image.size)
        left = chance.uniform(0, image.width - width)
        top = chance.uniform(0, image.height - height)
        box = (left, top, left + width, top + height)
        return image.resize((side, side), Image.Resampling.BILINEAR, box)

    def _pasted(self, chance: np.random.Generator) -> Canvas:
        image = self._background(chance)
        self._scatter(image, chance, 0.4)
        boxes: list[Floats] = []
        points: list[Floats] = []
        count = int(chance.choice([0, 1, 2, 3, 5, 8], p=[0.14, 0.2, 0.22, 0.2, 0.14, 0.1]))
        for _ in range(count):
            portrait = self.portraits[chance.integers(len(self.portraits))]
            side = _side(chance, self.side)
            middle = chance.uniform(0.3 * side, self.side - 0.3 * side, 2).astype(np.float32)
            about = np.r_[middle - 0.8 * side, middle + 0.8 * side]
            if any(_meet(about, box) for box in boxes):
                continue
            box, spots = paste(image, portrait, middle, side, chance)
            boxes.append(box)
            points.append(spots)
            self._cover(image, box, chance)
        return _canvas(image, boxes, points, [])

    def _scatter(self, image: Image.Image, chance: np.random.Generator, share: float) -> None:
        while self.things and chance.random() < share:
            thing = Image.fromarray(self.things[chance.integers(len(self.things))])
            side = int(chance.uniform(0.08, 0.4) * self.side)
            thing = thing.resize((side, side)).rotate(chance.uniform(-40, 40))
            left, top = chance.integers(-side // 3, self.side - side // 2, 2)
            image.paste(thing, (int(left), int(top)), thing)

    def _cover(self, image: Image.Image, box: Floats, chance: np.random.Generator) -> None:
        """Something before a part of the face, one time in seven."""
        if chance.random() > 0.14:
            return
        side = float(box[2] - box[0])
        wide, high = chance.uniform(0.2, 0.6, 2) * side
        edge = chance.integers(3)  # left, right, below
        x = (box[0] - wide * 0.4, box[2] - wide * 0.6, chance.uniform(box[0], box[2] - wide))[edge]
        y = box[3] - high * 0.7 if edge == 2 else chance.uniform(box[1], box[3] - high)
        place = (int(x), int(y))
        size = (max(2, int(wide)), max(2, int(high)))
        if self.things and chance.random() < 0.6:
            thing = Image.fromarray(self.things[chance.integers(len(self.things))]).resize(size)
            image.paste(thing, place, thing)
        else:
            image.paste(self._part(chance, 32).resize(size), place)

    def _peopled(self, chance: np.random.Generator) -> Canvas:
        """A part of a scene about one of its sure faces, at a size drawn by chance."""
        scene = self.peopled[chance.integers(len(self.peopled))]
        image = Image.fromarray(decoded(scene.image))
        at = chance.choice(np.nonzero(scene.sure)[0])
        own = scene.xyxy[at]
        side = float(np.sqrt((own[2:] - own[:2]).prod()))
        # Small pictures: a face is hardly made larger than four times what it is.
        zoom = min(_side(chance, self.side), 4 * side) / side
        zoom = max(zoom, 0.95 * self.side / max(image.size))
        stretch = np.sqrt(chance.uniform(0.78, 1.28))
        scale = np.array([zoom * stretch, zoom / stretch], np.float32)
        size = self.side / scale
        corner = (own[:2] + own[2:]) / 2 - chance.uniform(0.15, 0.85, 2) * size
        room = np.array(image.size, np.float32) - size
        corner = np.clip(corner, np.minimum(room, 0), np.maximum(room, 0))
        cut = image.transform(
            (self.side, self.side),
            Image.Transform.AFFINE,
            (1 / scale[0], 0, corner[0], 0, 1 / scale[1], corner[1]),
            Image.Resampling.BILINEAR,
        )
        boxes = (scene.xyxy - np.tile(corner, 2)) * np.tile(scale, 2)
        points = (scene.points - corner) * scale
        seen = np.clip(boxes, 0, self.side)
        shown = (seen[:, 2:] - seen[:, :2]).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)
        tiny = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1)) < 0.8 * _SMALLEST
        sure = scene.sure & (shown > 0.6) & ~tiny
        return _canvas(
            cut,
            list(boxes[sure]),
            list(points[sure]),
            [_wider(box, 0.3) for box in boxes[~sure & (shown > 0.02)]],
        )

    def _portrait(self, chance: np.random.Generator) -> Canvas:
        """A whole portrait; what is further from its face is left open."""
        portrait = self.portraits[chance.integers(len(self.portraits))]
        image = self._background(chance)
        whole = Image.fromarray(decoded(portrait.image))
        side = int(self.side * chance.uniform(0.45, 1.25))
        turned = chance.normal(0, 8)
        whole = whole.resize((side, side), Image.Resampling.BICUBIC)
        place = chance.integers(min(0, self.side - side), max(1, self.side - side), 2)
        move = _turn(turned, (side / 2, side / 2), place.astype(np.float32) + side / 2)
        whole = whole.rotate(-turned, Image.Resampling.BILINEAR)
        image.paste(whole, (int(place[0]), int(place[1])))
        ratio = side / 80
        box = _moved_box(portrait.xyxy * ratio, move)
        points = _moved(portrait.points * ratio, move)
        seen = np.clip(box, 0, self.side)
        if (seen[2:] - seen[:2]).prod() < 0.6 * (box[2:] - box[:2]).prod():
            return self._pasted(chance)
        edges = np.r_[place, place + side].astype(np.float32)
        return _canvas(image, [box], [points], _frame(edges, _wider(box, _SURROUNDINGS - 0.5)))


def paste(
    image: Image.Image,
    portrait: Portrait,
    middle: Floats,
    side: float,
    chance: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Put the head of a portrait onto the image, turned, at a place and size of its face; gives
    where box and points of the face are then."""
    whole = Image.fromarray(decoded(portrait.image))
    own = float(np.sqrt((portrait.xyxy[2:] - portrait.xyxy[:2]).prod()))
    zoom = side / own
    if zoom < 0.7:  # what is made much smaller is first averaged
        small = max(8, round(80 * zoom * 1.3))
        whole = whole.resize((small, small), Image.Resampling.BOX)
    ratio = whole.width / 80
    xyxy, points = portrait.xyxy * ratio, portrait.points * ratio
    zoom /= ratio
    turned = float(np.clip(chance.normal(0, 13), -35, 35))
    centre = (xyxy[:2] + xyxy[2:]) / 2
    move = _turn(turned, centre, middle, zoom)
    reach = int(np.ceil(1.5 * side))
    corner = np.rint(middle).astype(int) - reach
    back = np.linalg.inv(
        np.r_[move, [[0, 0, 1]]] - np.array([[0, 0, corner[0]], [0, 0, corner[1]], [0, 0, 0]])
    )
    size = (2 * reach, 2 * reach)
    rows = tuple(back[:2].ravel())
    head = whole.transform(size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    stencil = _stencil(whole.size, xyxy, chance)
    stencil = stencil.transform(size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    if chance.random() < 0.5:
        head = head.point(_curve(chance))
    image.paste(head, (int(corner[0]), int(corner[1])), stencil)
    return _moved_box(xyxy, move), _moved(points, move)


def _write(image: Image.Image, chance: np.random.Generator) -> None:
    """Lines of letters: what is printed is no face either."""
    pen = ImageDraw.Draw(image)
    size = int(chance.uniform(7, 40))
    font = ImageFont.load_default(size)
    colour = tuple(int(level) for level in chance.integers(0, 256, 3))
    left, top = chance.uniform(-0.1, 0.6, 2) * image.width
    for line in range(int(chance.integers(1, 9))):
        letters = chance.choice(list("abcdefghijklmnopqrstuvwxyz      ABCDEGOQRS0123456789.,"), 40)
        pen.text((left, top + 1.3 * size * line), "".join(letters), colour, font)


def _stencil(size: tuple[int, int], xyxy: Floats, chance: np.random.Generator) -> Image.Image:
    """What of a portrait is taken: about a head, its edge soft, round or square by chance."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    middle, side = (xyxy[:2] + xyxy[2:]) / 2, xyxy[2] - xyxy[0]
    reach = side * chance.uniform(0.72, _HEAD, 2)
    across = np.abs(x - middle[0]) / reach[0]
    down = np.abs(y - middle[1] + 0.12 * side) / (1.15 * reach[1])
    power = chance.choice([2.0, 3.0, 8.0])
    far = (across**power + down**power) ** (1 / power)
    # The picture's own rim is soft as well: it ends where the portrait does.
    rim = np.minimum.reduce([x, y, size[0] - x, size[1] - y]) / (0.06 * size[0])
    soft = np.clip((1 - far) / chance.uniform(0.04, 0.25), 0, 1) * np.clip(rim, 0, 1)
    return Image.fromarray((255 * soft).astype(np.uint8))


def _turn(degrees: float, centre: object, to: object, zoom: float = 1.0) -> Floats:
    """(2, 3): turns about `centre`, clockwise as it is seen, and brings it to `to`."""
    angle = np.radians(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.asarray(to, np.float64) - turn @ np.asarray(centre, np.float64)
    moved: Floats = np.c_[turn, shift].astype(np.float32)
    return moved


def _moved(points: Floats, move: Floats) -> Floats:
    moved: Floats = points @ move[:, :2].T + move[:, 2]
    return moved


def _moved_box(xyxy: Floats, move: Floats) -> Floats:
    """A box stays upright and keeps its proportions when the face turns."""
    middle = _moved(np.asarray((xyxy[:2] + xyxy[2:]) / 2, np.float32), move)
    half = (xyxy[2:] - xyxy[:2]) / 2 * np.hypot(move[0, 0], move[1, 0])
    return np.asarray(np.r_[middle - half, middle + half], np.float32)


def _side(chance: np.random.Generator, most: int) -> float:
    """Of a face: every doubling as often as another."""
    low, high = np.log([_SMALLEST, min(_LARGEST, 0.85 * most)])
    return float(np.exp(chance.uniform(low, high)))


def _wider(box: Floats, by: float) -> Floats:
    """By a share of its sides, all round."""
    more = (box[2:] - box[:2]) * by
    return np.asarray(np.r_[box[:2] - more, box[2:] + more], np.float32)


def _frame(outer: Floats, inner: Floats) -> list[Floats]:
    """Four boxes that cover `outer` but for `inner`."""
    return [
        np.array(one, np.float32)
        for one in (
            (outer[0], outer[1], outer[2], inner[1]),
            (outer[0], inner[3], outer[2], outer[3]),
            (outer[0], inner[1], inner[0], inner[3]),
            (inner[2], inner[1], outer[2], inner[3]),
        )
    ]


def _meet(one: Floats, other: Floats) -> bool:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    return bool((low < high).all())


def _canvas(
    image: Image.Image, boxes: list[Floats], points: list[Floats], left: list[Floats]
) -> Canvas:
    return Canvas(
        np.asarray(image),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array(left, np.float32).reshape(-1, 4),
    )


def _mirrored(canvas: Canvas) -> Canvas:
    width = canvas.pixels.shape[1]
    points = canvas.points[:, _MIRRORED].copy()
    points[..., 0] = width - points[..., 0]
    turned = []
    for boxes in (canvas.xyxy, canvas.open):
        turned.append(
            np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
        )
    return Canvas(canvas.pixels[:, ::-1], turned[0], points, turned[1])


def _curve(chance: np.random.Generator) -> list[int]:
    """Another light, for each colour its own, as a table for `Image.point`."""
    steps = np.arange(256) / 255
    power, gain = np.exp(chance.normal(0, 0.25)), chance.uniform(0.75, 1.25)
    tint = chance.normal(0, 0.05, 3)
    levels = [np.clip(gain * steps**power + one, 0, 1) * 255 for one in tint]
    return [int(level) for level in np.concatenate(levels)]


def _weathered(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """Light, colour, sharpness and noise as cameras have them."""
    image = Image.fromarray(pixels)
    if chance.random() < 0.6:
        image = image.point(_curve(chance))
    if chance.random() < 0.12:
        image = image.convert("L").convert("RGB")
    if chance.random() < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.6)))
    elif chance.random() < 0.15:
        small = int(image.width * chance.uniform(0.4, 0.8))
        image = image.resize((small, small), Image.Resampling.BOX).resize(image.size)
    made = np.asarray(image)
    if chance.random() < 0.2:
        noise = chance.normal(0, chance.uniform(3, 14), made.shape[:2])
        made = np.clip(made + noise[..., None], 0, 255).astype(np.uint8)
    return made
