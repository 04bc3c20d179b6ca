"""A scene (what is to be seen) and its picture."""
from dataclasses import dataclass

import cv2
import numpy as np
import skia

from painter import Painter, hex_rgb, mix, parse_path
from people import EYE, figure, skeleton
from places import PAINT, shape
from shapes import SHAPES, oval
from styles import FINISH, PENS
from words import COLOURS, FIGURES, HELD_OUT, OBJECTS, PLACES, POSES, STYLES, TIMES

PATHS = {name: [(fill, parse_path(svg), width) for fill, svg, width in parts] for name, parts in SHAPES.items()}
OBJECT_LIGHT = {"day": (1, 1, 1), "sunset": (1, .95, .91), "night": (.84, .86, .95)}
SHADOW = {"plain": .30, "watercolor": .25, "ink": .4, "pixel art": .3, "cyberpunk": .5, "pastel": .2}
EMPTY, TWO, ASIDE, PEOPLE = .06, .25, .15, .16  # shares: no thing, two things, one thing left or right, a figure
CENTRES = {"left": 70, "centre": 128, "right": 186}  # x of a thing, in pixels
HEIGHT, FIGURE_HEIGHT = (148, 128, 110), (172, 156, 140)  # pixels of a thing in the middle, aside and beside another; of a figure
EYES = 8  # pixels from the middle of a face to an eye: a cell of the latents
LOOSE = .1  # share of the pictures whose people stand, move and turn as they like; all others are drawn alike, each eye
# in a cell of its own: a face that falls on the cells in ever new ways is smudged


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


def onto_cells(joints):
    """The shift [2] that brings the middle between the eyes into the middle of a cell of 8 x 8 pixels."""
    return 4 - joints[14:16].mean(0) % 8


def place_figure(scene, thing, size, rng, loose):
    """Joints [18,2] in the box of a figure, and the box's left and top in pixels."""
    blocks, corner = scene.style == "pixel art", np.array([CENTRES[thing.side] - size / 2, 226 - size])
    head = EYES / (EYE * size / 100)
    if loose:
        corner += rng.uniform((-6, -5), (6, 5))
        head *= 1 if blocks else rng.uniform(.9, 1.1)
    if scene.place == "sky":
        corner[1] -= 30
    joints = skeleton(thing.pose, rng, head, loose)
    if blocks or not loose:
        corner += onto_cells(joints * size / 100 + corner)
    return joints, *corner


def draw_thing(painter, scene, thing, rng, loose):
    """One thing with a shadow at its feet -> joints [18,2] or None. Things vary in size and place, figures when they are `loose`."""
    layout = 0 if thing.side == "centre" else 1 if len(scene.things) == 1 else 2
    size = (FIGURE_HEIGHT if thing.pose else HEIGHT)[layout] * (rng.uniform(.94, 1.06) if loose or not thing.pose else 1)
    if thing.pose:
        joints, left, top = place_figure(scene, thing, size, rng, loose)
        parts = [(f, parse_path(svg), w) for f, svg, w in figure(thing.name, joints, scene.style == "pixel art")]
    else:
        joints, parts = None, PATHS[thing.name]
        left, top = CENTRES[thing.side] - size / 2 + rng.uniform(-6, 6), 226 - size + rng.uniform(-5, 5)
        top -= 30 if scene.place == "sky" else 0
    if scene.place != "sky":
        ground = mix((60, 50, 70), (190, 180, 170), SHADOW[scene.style])
        shape(painter, oval(left + size / 2, top + size, size * (.3 if thing.pose else .46), 9), ground, scene.time, False)
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


def draw_posed(scene, rng, scale=1, loose=LOOSE):
    """The picture of a scene (uint8 [side,side,3], RGB; side = 256 * scale) and the joints [18,2] of the people in it,
    in pixels of 256 x 256. `loose` is the share of pictures whose people are loose."""
    loose = rng.random() < loose
    painter = Painter(*PENS[scene.style], scale)
    PAINT[scene.place](painter, scene.time, rng)
    people = [joints for thing in scene.things if (joints := draw_thing(painter, scene, thing, rng, loose)) is not None]
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
