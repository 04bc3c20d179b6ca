"""The pictures that ControlNets read: Canny edges, and OpenPose's stick figure as controlnet_aux draws it."""
import cv2
import numpy as np

LIMBS = ((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
         (1, 0), (0, 14), (14, 16), (0, 15), (15, 17))
COLOURS = ((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
           (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
           (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85))


def _codes(colours):
    return np.asarray(colours, np.int32) @ np.array([1, 256, 65536])


PALETTE = np.array(sorted({(0, 0, 0), *COLOURS, *(tuple(int(c * .6) for c in colour) for colour in COLOURS)}, key=_codes),
                   np.uint8)  # every colour of a stick figure


def indexed(picture):
    """A stick figure uint8 [256,256,3] as indices into PALETTE, uint8 [256,256]."""
    return np.searchsorted(_codes(PALETTE), _codes(picture)).astype(np.uint8)


def canny(picture):
    """White edges on black, uint8 [256,256,3], of an RGB picture."""
    return np.repeat(cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 100, 200)[..., None], 3, 2)


def stick_figures(people, side=256):
    """Skeletons ([18,2] each, pixels) drawn on black, uint8 [side,side,3]: limbs as ellipses, darkened, then joints."""
    picture = np.zeros((side, side, 3), np.uint8)
    for joints in people:
        for (a, b), colour in zip(LIMBS, COLOURS):
            (ax, ay), (bx, by) = joints[a], joints[b]
            centre, length = (int((ax + bx) / 2), int((ay + by) / 2)), np.hypot(ax - bx, ay - by)
            angle = int(np.degrees(np.arctan2(ay - by, ax - bx)))
            outline = cv2.ellipse2Poly(centre, (int(length / 2), 4), angle, 0, 360, 1)
            cv2.fillConvexPoly(picture, outline, [int(c * .6) for c in colour])
        for (x, y), colour in zip(joints, COLOURS):
            cv2.circle(picture, (int(x), int(y)), 4, colour, -1)
    return picture


def edge_agreement(a, b, reach=2):
    """F1 of two edge pictures, an edge within `reach` pixels of the other's counts."""
    a, b = a[..., 0] > 0, b[..., 0] > 0
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide_a, wide_b = (cv2.dilate(x.astype(np.uint8), disc) > 0 for x in (a, b))
    precision, recall = wide_a[b].mean(), wide_b[a].mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))
