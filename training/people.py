"""People: figures in a dress or a shirt, drawn from their skeletons, six poses, joints known in OpenPose's order of 18.

Joints are (x, y) in a box of 100 x 100; the person's right is the picture's left. Parts are like those of shapes.py.
A pose is always the same unless it is asked to be loose: a word that could mean several pictures is drawn as their mean,
with every arm twice.
"""
import re

import numpy as np

from shapes import box, oval

JOINTS = ("nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
          "r_eye l_eye r_ear l_ear").split()
MIRROR = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
CHIN, EYE = (50, 27), 4.4  # where a head of any size stands; from the middle of the face to an eye, at size 1
HEAD = [(0, -10.5), (-EYE, -13), (EYE, -13), (-10.5, -12), (10.5, -12)]  # nose, eyes and ears, seen from the chin
LIMBS = {  # pose -> neck, then elbow and wrist, hip, knee and ankle of the right and of the left
    "standing": [(35, 44), (32, 57), (65, 44), (68, 57), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
    "walking": [(32, 42), (23, 52), (67, 43), (76, 54), (45, 58), (38, 76), (27, 92), (55, 58), (64, 75), (68, 95)],
    "dancing": [(25, 24), (24, 6), (73, 26), (89, 18), (45, 58), (46, 77), (47, 96), (55, 58), (72, 66), (90, 74)],
    "sitting": [(36, 44), (44, 56), (65, 44), (71, 57), (45, 62), (62, 66), (62, 92), (53, 62), (74, 67), (76, 94)],
    "jumping": [(29, 23), (19, 10), (71, 23), (81, 10), (45, 54), (33, 66), (22, 82), (55, 54), (67, 66), (78, 82)],
    "waving": [(35, 44), (31, 57), (73, 32), (83, 13), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
}
SKIN, HAIR, TROUSERS, DARK, LIPS = "#e9b58e", "#4a3024", "#3d4a66", "!#1d1d22", "!#c23a48"
# Hair seen from the middle between the eyes; it ends above them.
CROP = "M-12.5 0 Q-14 -14 0 -14 Q14 -14 12.5 0 Q10 -8 0 -7 Q-10 -8 -12.5 0 Z"
FRINGE = "M-12.5 4 Q-13 -14 0 -14 Q13 -14 12.5 4 Q10.5 -7 2 -7 Q-9.5 -6 -12.5 4 Z"


def skeleton(pose, rng, head=1, loose=False):
    """-> float [18,2] with a head of that size; `loose` poses are a little different each time, and half of them mirrored."""
    r_elbow, r_wrist, l_elbow, l_wrist, *legs = LIMBS[pose]
    nose, *eyes_ears = np.array(HEAD) * head + CHIN
    joints = np.array([nose, CHIN, (41, 31), r_elbow, r_wrist, (59, 31), l_elbow, l_wrist, *legs, *eyes_ears], float)
    if loose:
        joints[[3, 4, 6, 7, 9, 10, 12, 13]] += rng.uniform(-2.2, 2.2, (8, 2))
    if loose and rng.random() < .5:
        joints[:, 0] = 100 - joints[:, 0]
        joints = joints[MIRROR]
    return joints


def _band(*points):
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _seat(r_knee, l_knee, r_hip, l_hip, r_ankle):
    """A stool under a figure that sits, otherwise nothing."""
    if r_knee[1] - r_hip[1] >= 8 or l_knee[1] - l_hip[1] >= 8 or r_ankle[1] <= 88:
        return []
    left = (39, 59, 34) if r_knee[0] < r_hip[0] else (36, 56, 32)
    sizes = ((5, 29), (5, 29), (34, 6))
    return [(fill, box(x, y, w, h), 0) for fill, x, y, (w, h) in
            zip(("#7a5230", "#7a5230", "#9a6a3c"), left, (70, 70, 66), sizes)]


def _dress(neck, r_shoulder, l_shoulder, r_hip, l_hip, r_knee, l_knee):
    hem = [(hip + (knee - hip) * .72) + (side, 4) for hip, knee, side in ((r_hip, r_knee, -9), (l_hip, l_knee, 9))]
    if abs(hem[0][0] - hem[1][0]) < 22:
        hem[0], hem[1] = hem[0] - (4, 0), hem[1] + (4, 0)
    return (f"M{r_shoulder[0] - 1:.1f} {r_shoulder[1] - 3:.1f} L{l_shoulder[0] + 1:.1f} {l_shoulder[1] - 3:.1f} "
            f"L{neck[0] + 6:.1f} {neck[1] + 18:.1f} Q{l_hip[0] + 5:.1f} {l_hip[1]:.1f} {hem[1][0]:.1f} {hem[1][1]:.1f} "
            f"Q{(hem[0][0] + hem[1][0]) / 2:.1f} {max(hem[0][1], hem[1][1]) + 5:.1f} {hem[0][0]:.1f} {hem[0][1]:.1f} "
            f"Q{r_hip[0] - 5:.1f} {r_hip[1]:.1f} {neck[0] - 6:.1f} {neck[1] + 18:.1f} Z")


def _shirt(neck, r_shoulder, l_shoulder, r_hip, l_hip):
    return (f"M{r_shoulder[0] - 3:.1f} {r_shoulder[1] - 3:.1f} L{l_shoulder[0] + 3:.1f} {l_shoulder[1] - 3:.1f} "
            f"L{l_hip[0] + 4:.1f} {l_hip[1] + 2:.1f} L{r_hip[0] - 4:.1f} {r_hip[1] + 2:.1f} Z")


def _path(x, y, size, svg):
    """An SVG path whose numbers are seen from (x, y), enlarged."""
    numbers = iter(range(10 ** 6))
    return re.sub(r"-?[\d.]+", lambda n: f"{float(n[0]) * size + (x, y)[next(numbers) % 2]:.2f}", svg)


def _face(x, y, size, blocks):
    """Head, eyes and a smile, seen from the middle between the eyes, each feature about one cell of the latents in size;
    `blocks` are the cells themselves."""
    head = (SKIN, oval(x, y, 11.5 * size, 12.5 * size), 0)
    if blocks:
        cell = EYE * size
        marks = [(DARK, -1, 0, 1), (DARK, 1, 0, 1), (LIPS, 0, 2, 2)]
        return [head, *((fill, box(x + (column - wide / 2) * cell, y + (row - .5) * cell, wide * cell, cell), 0)
                        for fill, column, row, wide in marks)]
    eyes = [(DARK, oval(x + side * EYE * size, y, 2.3 * size, 3.1 * size), 0) for side in (-1, 1)]
    return [head, *eyes, (LIPS, _path(x, y, size, "M-4.6 6.6 Q0 11.8 4.6 6.6"), 2.4 * size)]


def figure(name, joints, blocks=False):
    """Parts (fill, SVG path, width) of a figure with these joints; the dress or shirt has the thing's own colour.

    `blocks`: eyes and mouth as whole blocks of pixel art, where the eyes are two blocks apart.
    """
    nose, neck, r_sh, r_el, r_wr, l_sh, l_el, l_wr, r_hip, r_kn, r_an, l_hip, l_kn, l_an, r_eye, l_eye = joints[:16]
    man, (x, y), head = name == "man", (r_eye + l_eye) / 2, (l_eye[0] - r_eye[0]) / 2 / EYE
    seat = _seat(r_kn, l_kn, r_hip, l_hip, r_an)
    legs = [(TROUSERS if man else SKIN, _band(hip, knee, ankle), 9 if man else 7)
            for hip, knee, ankle in ((r_hip, r_kn, r_an), (l_hip, l_kn, l_an))]
    shoes = [("dark", oval(round(x, 1), round(y + 2, 1), 6.5, 4), 0) for x, y in (r_an, l_an)]
    arms = [part for points in ((r_sh, r_el, r_wr), (l_sh, l_el, l_wr)) for part in _arm(man, *points)]
    face, hair = _face(x, y, head, blocks), (f"!{HAIR}", _path(x, y, head, CROP if man else FRINGE), 0)
    if man:
        return [*seat, *legs, *shoes, ("base", _shirt(neck, r_sh, l_sh, r_hip, l_hip), 0), *arms, *face, hair]
    return [*seat, (HAIR, oval(x, y + 4 * head, 14.5 * head, 14.5 * head), 0), *legs, *shoes,
            ("base", _dress(neck, r_sh, l_sh, r_hip, l_hip, r_kn, l_kn), 0), *arms, *face, hair]


def _arm(sleeved, shoulder, elbow, wrist):
    """A bare arm with a hand, or one whose sleeve has the shirt's colour down to the elbow."""
    arm = [(SKIN, _band(shoulder, elbow, wrist), 6.5)]
    if sleeved:
        arm = [(SKIN, _band(elbow, wrist), 6.5), ("base", _band(shoulder, elbow), 8)]
    return [*arm, (SKIN, oval(round(wrist[0], 1), round(wrist[1], 1), 4, 4), 0)]
