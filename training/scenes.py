"""A scene (what is to be seen) and its picture."""
from dataclasses import dataclass

import cv2
import numpy as np
import skia

from painter import Painter, hex_rgb, mix, parse_path
from people import figure, skeleton
from places import PAINT, shape
from shapes import SHAPES, oval
from styles import FINISH, PENS
from words import COLOURS, FIGURES, HELD_OUT, OBJECTS, PLACES, POSES, STYLES, TIMES

PATHS = {name: [(fill, parse_path(svg), width) for fill, svg, width in parts] for name, parts in SHAPES.items()}
OBJECT_LIGHT = {"day": (1, 1, 1), "sunset": (1, .95, .91), "night": (.84, .86, .95)}
SHADOW = {"plain": .30, "watercolor": .25, "ink": .4, "pixel art": .3, "cyberpunk": .5, "pastel": .2}
EMPTY, TWO, ASIDE, PEOPLE = .06, .25, .15, .16  # shares: no thing, two things, one thing left or right, a figure
CENTRES = {"left": 70, "centre": 128, "right": 186}  # x of a thing, in pixels


@dataclass(frozen=True)
class Thing:
    """An object in its colour on a side; a figure wears the colour and has a pose."""
    name: str
    colour: str
    side: str = "centre"
    pose: str | None = None


@dataclass(frozen=True)
class Scene:
    """Up to two things (left before right) in a place at a time in a style."""
    things: tuple[Thing, ...]
    place: str
    time: str
    style: str


def pick(names, rng):
    """One of the names."""
    return list(names)[rng.integers(len(names))]


def pick_pose(rng):
    """A pose; one in four waves, the hardest one."""
    return "waving" if rng.random() < .1 else pick(POSES, rng)


def random_thing(rng, side, held_out=False, people=PEOPLE):
    """Any thing; `held_out` asks for a pair that training never shows, otherwise there are none of them."""
    while True:
        name = pick(FIGURES, rng) if rng.random() < people else pick(OBJECTS, rng)
        colour = pick(COLOURS, rng)
        if ((colour, name) in HELD_OUT) == held_out:
            return Thing(name, colour, side, pick_pose(rng) if name in FIGURES else None)


def random_scene(rng, two=TWO, people=PEOPLE):
    """A scene as training shows them; `two` is the share with two things, `people` that of figures among things."""
    kind = rng.random()
    if kind < EMPTY:
        sides = ()
    elif kind < EMPTY + two:
        sides = ("left", "right")
    else:
        sides = (pick(("left", "right"), rng),) if rng.random() < ASIDE else ("centre",)
    return Scene(tuple(random_thing(rng, side, people=people) for side in sides), pick(PLACES, rng), pick(TIMES, rng), pick(STYLES, rng))


def shades(colour):
    """The three tones of a colour: lit, in shadow, highlight."""
    rgb = COLOURS[colour]
    light = mix(rgb, (255, 255, 255), .22 if colour == "black" else .38)
    return {"base": rgb, "dark": mix(rgb, (30, 20, 40), .16 if colour == "white" else .30), "light": light}


def draw_thing(painter, scene, thing, rng):
    """One thing with a shadow at its feet, 148 pixels high alone, less beside another; -> joints [18,2] or None."""
    size = (148 if thing.side == "centre" else 128 if len(scene.things) == 1 else 110) * rng.uniform(.94, 1.06)
    middle = CENTRES[thing.side]
    if thing.pose:
        size *= 1.16
    left, top = middle - size / 2 + rng.uniform(-6, 6), 226 - size + rng.uniform(-5, 5)
    if scene.place == "sky":
        top -= 30
    else:
        ground = mix((60, 50, 70), (190, 180, 170), SHADOW[scene.style])
        shape(painter, oval(left + size / 2, top + size, size * (.3 if thing.pose else .46), 9), ground, scene.time, False)
    joints = skeleton(thing.pose, rng) if thing.pose else None
    parts = PATHS[thing.name] if joints is None else [(f, parse_path(svg), w) for f, svg, w in figure(thing.name, joints)]
    matrix = skia.Matrix().setScale(size / 100, size / 100).postTranslate(left, top)
    tones, light = shades(thing.colour), OBJECT_LIGHT[scene.time]
    painter.focus = True
    for fill, path, width in parts:
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
    painter.focus = False
    return None if joints is None else joints * size / 100 + (left, top)


def draw_posed(scene, rng, scale=1):
    """The picture of a scene (uint8 [side,side,3], RGB; side = 256 * scale) and the joints [18,2] of the people in it,
    in pixels of 256 x 256."""
    painter = Painter(*PENS[scene.style], scale)
    PAINT[scene.place](painter, scene.time, rng)
    people = [joints for thing in scene.things if (joints := draw_thing(painter, scene, thing, rng)) is not None]
    picture = FINISH[scene.style](*painter.layers(), rng)
    return cv2.convertScaleAbs(np.clip(picture, 0, 1), alpha=255), people


def draw(scene, rng, scale=1):
    """The picture of a scene: uint8 [side,side,3], RGB."""
    return draw_posed(scene, rng, scale)[0]


def sheet(pictures, columns):
    """Pictures of one size side by side, as one uint8 picture."""
    rows = [np.concatenate(pictures[i:i + columns], 1) for i in range(0, len(pictures), columns)]
    width = rows[0].shape[1]
    rows[-1] = cv2.copyMakeBorder(rows[-1], 0, 0, 0, width - rows[-1].shape[1], cv2.BORDER_CONSTANT)
    return np.concatenate(rows, 0)
