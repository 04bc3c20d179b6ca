"""A scene (what is to be seen) and its picture."""
from dataclasses import dataclass

import cv2
import numpy as np
import skia

from painter import Painter, hex_rgb, mix, parse_path
from places import PAINT, shape
from shapes import SHAPES, oval
from styles import FINISH, PENS
from words import COLOURS, OBJECTS, PLACES, STYLES, TIMES

PATHS = {name: [(fill, parse_path(svg), width) for fill, svg, width in parts] for name, parts in SHAPES.items()}
OBJECT_LIGHT = {"day": (1, 1, 1), "sunset": (1, .95, .91), "night": (.84, .86, .95)}
SHADOW = {"plain": .30, "watercolor": .25, "ink": .4, "pixel art": .3, "cyberpunk": .5}
EMPTY_SHARE = .08  # of the scenes show a place without an object


@dataclass(frozen=True)
class Scene:
    """Five attributes; `object` and `colour` are None for a place alone."""
    object: str | None
    colour: str | None
    place: str
    time: str
    style: str


def random_scene(rng):
    """A scene with every attribute drawn evenly."""
    pick = lambda names: list(names)[rng.integers(len(names))]
    empty = rng.random() < EMPTY_SHARE
    return Scene(None if empty else pick(OBJECTS), None if empty else pick(COLOURS),
                 pick(PLACES), pick(TIMES), pick(STYLES))


def shades(colour):
    """The three tones of a colour: lit, in shadow, highlight."""
    rgb = COLOURS[colour]
    light = mix(rgb, (255, 255, 255), .22 if colour == "black" else .38)
    return {"base": rgb, "dark": mix(rgb, (30, 20, 40), .16 if colour == "white" else .30), "light": light}


def draw_object(painter, scene, rng):
    """The object in the middle, about 150 pixels high, with a shadow at its feet."""
    size = 148 * rng.uniform(.93, 1.07)
    left, top = 128 - size / 2 + rng.uniform(-7, 7), 226 - size + rng.uniform(-5, 5)
    if scene.place == "sky":
        top -= 30
    else:
        ground = mix((60, 50, 70), (190, 180, 170), SHADOW[scene.style])
        shape(painter, oval(left + size / 2, top + size, size * .46, 9), ground, scene.time, False)
    matrix = skia.Matrix().setScale(size / 100, size / 100).postTranslate(left, top)
    tones, light = shades(scene.colour), OBJECT_LIGHT[scene.time]
    painter.focus = True
    for fill, path, width in PATHS[scene.object]:
        tone = fill.lstrip("!")
        rgb = hex_rgb(tone) if tone.startswith("#") else tones[tone]
        rgb = tuple(c * f for c, f in zip(rgb, light))
        placed = skia.Path(path)
        placed.transform(matrix)
        if width:
            painter.band(placed, rgb, width * size / 100, line=not fill.startswith("!"))
        else:
            painter.area(placed, rgb, line=not fill.startswith("!"),
                         fade=mix(rgb, (20, 10, 40), .18) if tone == "base" else None)


def draw(scene, rng):
    """The picture of a scene: uint8 [256,256,3], RGB."""
    painter = Painter(*PENS[scene.style])
    PAINT[scene.place](painter, scene.time, rng)
    if scene.object:
        draw_object(painter, scene, rng)
    picture = FINISH[scene.style](*painter.layers(), rng)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def sheet(pictures, columns):
    """Pictures of one size side by side, as one uint8 picture."""
    rows = [np.concatenate(pictures[i:i + columns], 1) for i in range(0, len(pictures), columns)]
    width = rows[0].shape[1]
    rows[-1] = cv2.copyMakeBorder(rows[-1], 0, 0, 0, width - rows[-1].shape[1], cv2.BORDER_CONSTANT)
    return np.concatenate(rows, 0)
