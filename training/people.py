"""People: figures in a dress or a shirt, drawn from their skeletons, six poses, joints known in OpenPose's order of 18.

Joints are (x, y) in a box of 100 x 100; the person's right is the picture's left. Parts are like those of shapes.py.
"""
import numpy as np

from shapes import box, oval

JOINTS = ("nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
          "r_eye l_eye r_ear l_ear").split()
MIRROR = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
HEAD = [(50, 16.5)] + [None] * 13 + [(45.6, 14), (54.4, 14), (39.5, 15), (60.5, 15)]
LIMBS = {  # pose -> neck, then elbow and wrist, hip, knee and ankle of the right and of the left
    "standing": [(35, 44), (32, 57), (65, 44), (68, 57), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
    "walking": [(32, 42), (23, 52), (67, 43), (76, 54), (45, 58), (38, 76), (27, 92), (55, 58), (64, 75), (68, 95)],
    "dancing": [(27, 23), (30, 6), (73, 26), (89, 18), (45, 58), (46, 77), (47, 96), (55, 58), (72, 66), (90, 74)],
    "sitting": [(36, 44), (44, 56), (65, 44), (71, 57), (45, 62), (62, 66), (62, 92), (53, 62), (74, 67), (76, 94)],
    "jumping": [(29, 23), (19, 10), (71, 23), (81, 10), (45, 54), (33, 66), (22, 82), (55, 54), (67, 66), (78, 82)],
    "waving": [(35, 44), (31, 57), (73, 32), (83, 13), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
}
SKIN, HAIR, TROUSERS = "#e9b58e", "#4a3024", "#3d4a66"


def skeleton(pose, rng):
    """-> float [18,2], a little different each time, half of them mirrored."""
    r_elbow, r_wrist, l_elbow, l_wrist, *legs = LIMBS[pose]
    body = [(50, 27), (41, 31), r_elbow, r_wrist, (59, 31), l_elbow, l_wrist, *legs]
    joints = np.array([HEAD[0], *body, *HEAD[14:]], float)
    joints[[3, 4, 6, 7, 9, 10, 12, 13]] += rng.uniform(-2.2, 2.2, (8, 2))
    if rng.random() < .5:
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


def _face(x):
    """Head, eyes and a smile around x, each feature about one cell of the latents in size."""
    return [(SKIN, oval(x, 14, 11.5, 12.5), 0), ("!#1d1d22", oval(x - 4.4, 14, 2.2, 3), 0),
            ("!#1d1d22", oval(x + 4.4, 14, 2.2, 3), 0), ("!#c23a48", f"M{x - 4.4} 19.5 Q{x} 24 {x + 4.4} 19.5", 2.3)]


def figure(name, joints):
    """Parts (fill, SVG path, width) of a figure with these joints; the dress or shirt has the thing's own colour."""
    nose, neck, r_sh, r_el, r_wr, l_sh, l_el, l_wr, r_hip, r_kn, r_an, l_hip, l_kn, l_an = joints[:14]
    man, x = name == "man", nose[0]
    seat = _seat(r_kn, l_kn, r_hip, l_hip, r_an)
    legs = [(TROUSERS if man else SKIN, _band(hip, knee, ankle), 9 if man else 7)
            for hip, knee, ankle in ((r_hip, r_kn, r_an), (l_hip, l_kn, l_an))]
    shoes = [("dark", oval(round(x, 1), round(y + 2, 1), 6.5, 4), 0) for x, y in (r_an, l_an)]
    arms = [part for points in ((r_sh, r_el, r_wr), (l_sh, l_el, l_wr)) for part in _arm(man, *points)]
    if man:
        hair = f"M{x - 12.5} 14 Q{x - 14} 0 {x} 0 Q{x + 14} 0 {x + 12.5} 14 Q{x + 10} 6 {x} 7 Q{x - 10} 6 {x - 12.5} 14 Z"
        return [*seat, *legs, *shoes, ("base", _shirt(neck, r_sh, l_sh, r_hip, l_hip), 0), *arms, *_face(x), (f"!{HAIR}", hair, 0)]
    fringe = f"M{x - 12.5} 17 Q{x - 12} 0 {x} 0 Q{x + 12} 0 {x + 12.5} 17 Q{x + 3} 5 {x - 12.5} 17 Z"
    return [*seat, (HAIR, oval(x, 18, 14.5, 14.5), 0), *legs, *shoes,
            ("base", _dress(neck, r_sh, l_sh, r_hip, l_hip, r_kn, l_kn), 0), *arms, *_face(x), (f"!{HAIR}", fringe, 0)]


def _arm(sleeved, shoulder, elbow, wrist):
    """A bare arm with a hand, or one whose sleeve has the shirt's colour down to the elbow."""
    arm = [(SKIN, _band(shoulder, elbow, wrist), 6.5)]
    if sleeved:
        arm = [(SKIN, _band(elbow, wrist), 6.5), ("base", _band(shoulder, elbow), 8)]
    return [*arm, (SKIN, oval(round(wrist[0], 1), round(wrist[1], 1), 4, 4), 0)]
