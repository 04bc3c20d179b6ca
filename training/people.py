"""People: a figure in a dress drawn from its skeleton, six poses, joints known in OpenPose's order of 18.

Joints are (x, y) in a box of 100 x 100; the person's right is the picture's left. Parts are like those of shapes.py.
"""
import numpy as np

from shapes import box, oval

JOINTS = ("nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
          "r_eye l_eye r_ear l_ear").split()
MIRROR = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
HEAD = [(50, 15)] + [None] * 13 + [(46.5, 13), (53.5, 13), (42, 14), (58, 14)]
LIMBS = {  # pose -> neck, then elbow and wrist, hip, knee and ankle of the right and of the left
    "standing": [(36, 44), (33, 57), (64, 44), (67, 57), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
    "walking": [(33, 42), (24, 52), (66, 43), (74, 54), (45, 58), (38, 76), (27, 92), (55, 58), (64, 75), (68, 95)],
    "dancing": [(30, 24), (36, 7), (72, 26), (88, 18), (45, 58), (46, 77), (47, 96), (55, 58), (72, 66), (90, 74)],
    "sitting": [(37, 44), (46, 56), (64, 44), (70, 57), (45, 62), (62, 66), (62, 92), (53, 62), (74, 67), (76, 94)],
    "jumping": [(30, 23), (20, 10), (70, 23), (80, 10), (45, 54), (33, 66), (22, 82), (55, 54), (67, 66), (78, 82)],
    "waving": [(36, 44), (33, 57), (71, 32), (80, 14), (45, 58), (45, 77), (44, 95), (55, 58), (55, 77), (56, 95)],
}
SKIN, HAIR = "#e9b58e", "#4a3024"


def skeleton(pose, rng):
    """-> float [18,2], a little different each time, half of them mirrored."""
    r_elbow, r_wrist, l_elbow, l_wrist, *legs = LIMBS[pose]
    body = [(50, 27), (41, 31), r_elbow, r_wrist, (59, 31), l_elbow, l_wrist, *legs]
    joints = np.array([HEAD[0], *body, *HEAD[14:]], float)
    joints[[3, 4, 6, 7, 9, 10, 12, 13]] += rng.uniform(-1.5, 1.5, (8, 2))
    if rng.random() < .5:
        joints[:, 0] = 100 - joints[:, 0]
        joints = joints[MIRROR]
    return joints


def _band(*points):
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def person(joints):
    """Parts (fill, SVG path, width) of a figure with these joints; the dress has the thing's own colour."""
    nose, neck, r_sh, r_el, r_wr, l_sh, l_el, l_wr, r_hip, r_kn, r_an, l_hip, l_kn, l_an = joints[:14]
    hem = [(hip + (knee - hip) * .72) + (side, 4) for hip, knee, side in ((r_hip, r_kn, -9), (l_hip, l_kn, 9))]
    if abs(hem[0][0] - hem[1][0]) < 22:
        hem[0], hem[1] = hem[0] - (4, 0), hem[1] + (4, 0)
    dress = (f"M{r_sh[0] - 1:.1f} {r_sh[1] - 3:.1f} L{l_sh[0] + 1:.1f} {l_sh[1] - 3:.1f} "
             f"L{neck[0] + 6:.1f} {neck[1] + 18:.1f} Q{l_hip[0] + 5:.1f} {l_hip[1]:.1f} {hem[1][0]:.1f} {hem[1][1]:.1f} "
             f"Q{(hem[0][0] + hem[1][0]) / 2:.1f} {max(hem[0][1], hem[1][1]) + 5:.1f} {hem[0][0]:.1f} {hem[0][1]:.1f} "
             f"Q{r_hip[0] - 5:.1f} {r_hip[1]:.1f} {neck[0] - 6:.1f} {neck[1] + 18:.1f} Z")
    seat = [("#7a5230", box(36, 70, 5, 29), 0), ("#7a5230", box(56, 70, 5, 29), 0), ("#9a6a3c", box(32, 66, 34, 6), 0)]
    sits = r_kn[1] - r_hip[1] < 8 and l_kn[1] - l_hip[1] < 8 and r_an[1] > 88
    if sits and r_kn[0] < r_hip[0]:
        seat = [(fill, box(x, y, w, h), 0) for fill, x, y, w, h in
                (("#7a5230", 39, 70, 5, 29), ("#7a5230", 59, 70, 5, 29), ("#9a6a3c", 34, 66, 34, 6))]
    legs = [(SKIN, _band(hip, knee, ankle), 6) for hip, knee, ankle in ((r_hip, r_kn, r_an), (l_hip, l_kn, l_an))]
    shoes = [("dark", oval(round(x, 1), round(y + 2, 1), 6, 3.5), 0) for x, y in (r_an, l_an)]
    x = nose[0]
    return [*(seat if sits else []), (HAIR, oval(x, 17, 12, 13), 0), *legs, *shoes,
            ("base", dress, 0), (SKIN, _band(r_sh, r_el, r_wr), 5.5), (SKIN, _band(l_sh, l_el, l_wr), 5.5),
            (SKIN, oval(x, 15, 9.5, 10.5), 0), (f"!{HAIR}", f"M{x - 11} 16 Q{x - 10} 2 {x} 2 Q{x + 10} 2 {x + 11} 16 "
                                               f"Q{x + 2} 6 {x - 11} 16 Z", 0),
            ("!#1d1d22", oval(x - 3.6, 15, 1.7, 2.2), 0), ("!#1d1d22", oval(x + 3.6, 15, 1.7, 2.2), 0),
            ("!#c8505a", f"M{x - 3} 20 Q{x} 23 {x + 3} 20", 1.6)]
