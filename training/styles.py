"""The styles: how areas are recoloured, how lines are drawn, and how the layers become one picture."""
import cv2
import numpy as np

from painter import SIZE, mix

DARK = (46, 38, 44)
LUMA = np.array([.299, .587, .114], np.float32)


def _gray(rgb):
    return .299 * rgb[0] + .587 * rgb[1] + .114 * rgb[2]


def _same(rgb, focus):
    return rgb


def _wash(rgb, focus):
    """Ink: the object keeps its colour, all else becomes a few tones of gray."""
    if focus:
        return mix(rgb, (250, 246, 236), .12)
    tone = 60 + round(_gray(rgb) / 40) * 40 * .76
    warm = max(0, rgb[0] - rgb[2]) * .12  # a sunset stays a little warm
    return (min(250, tone + 4 + warm), min(246, tone + 2), min(238, tone - 4 - warm))


def _after_dark(rgb, focus):
    """Cyberpunk: the object glows in its colour, all else sinks into violet."""
    if focus:
        return mix(rgb, (30, 8, 50), .22)
    tone = _gray(rgb) / 255
    return tuple(a * .42 + b for a, b in zip(rgb, mix((10, 4, 34), (70, 20, 110), tone)))


def _soft_line(rgb, focus):
    return (mix(rgb, DARK, .8), 3.0) if focus else None


def _ink_line(rgb, focus):
    return ((30, 28, 32), 4.0 if focus else 3.0)


def _neon_line(rgb, focus):
    if focus:
        return (mix(rgb, (120, 255, 250), .55), 3.5)
    return ((255, 70, 190) if rgb[0] > rgb[2] else (60, 200, 255), 2.5)


def _chalk(rgb, focus):
    """Pastel: everything lighter and softer, the object less so."""
    return mix(rgb, (255, 244, 246), .24 if focus else .52)


def _chalk_line(rgb, focus):
    return (mix(rgb, (255, 255, 255), .82), 4.0) if focus else None


PENS = {  # style -> (recolour, line_of, masked) for the Painter
    "plain": (_same, _soft_line, False), "watercolor": (_same, None, True), "ink": (_wash, _ink_line, False),
    "pixel art": (_same, lambda rgb, focus: (DARK, 5.0) if focus else None, False),
    "cyberpunk": (_after_dark, _neon_line, False), "pastel": (_chalk, _chalk_line, True),
}


def _over(areas, lines):
    """Lines (premultiplied) over areas."""
    return areas * (1 - lines[..., 3:]) + lines[..., :3]


def _noise(rng, cells, amount, side):
    """Smooth noise [side,side,1] around 0."""
    coarse = rng.normal(0, amount, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]


def watercolor(areas, lines, mask, rng):
    """Wobbly edges, darker rims, granular washes on bright paper."""
    side, scale = len(areas), len(areas) // SIZE
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    wobble_x, wobble_y = (_noise(rng, 16, 1.3, side)[..., 0] * scale for _ in range(2))
    areas = cv2.remap(areas, x + wobble_x, y + wobble_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.remap(mask[..., 0], x + wobble_x, y + wobble_y, cv2.INTER_LINEAR)[..., None]
    wash = cv2.bilateralFilter(areas, 4 * scale + 1, .12, 4 * scale)
    rim = np.abs(wash - cv2.GaussianBlur(wash, (0, 0), 3 * scale)).sum(-1, keepdims=True)
    pigment = 1 - np.clip(rim * .45, 0, .34) + _noise(rng, 10, .03, side)
    paper = np.array([.985, .97, .94], np.float32)
    strength = .74 + .18 * mask  # the object is painted more densely than what is around it
    painted = paper * (1 - strength) + wash * strength
    border = np.minimum.reduce([x, y, side - 1 - x, side - 1 - y])[..., None] / scale + _noise(rng, 24, 2.0, side)
    inside = np.clip((border - 7) / 5, 0, 1)
    return paper * (1 - inside) + np.clip(painted * pigment, 0, 1) * inside


def ink(areas, lines, mask, rng):
    """Black lines and gray washes on paper, colour only on the object."""
    return _over(areas, lines) * (1 + _noise(rng, 10, .015, len(areas)))


def pixel_art(areas, lines, mask, rng):
    """32 x 32 blocks in few colours."""
    side = len(areas)
    small = cv2.resize(_over(areas, lines), (SIZE // 8, SIZE // 8), interpolation=cv2.INTER_AREA)
    few = np.round(small * 9) / 9
    return cv2.resize(few, (side, side), interpolation=cv2.INTER_NEAREST)


def cyberpunk(areas, lines, mask, rng):
    """Glowing lines over dark areas."""
    glow = cv2.GaussianBlur(lines[..., :3], (0, 0), 6 * len(areas) // SIZE) * 1.1
    return 1 - (1 - np.clip(_over(areas, lines), 0, 1)) * (1 - np.clip(glow, 0, 1))


def pastel(areas, lines, mask, rng):
    """Soft light areas that run into each other, the object in a white rim."""
    soft = cv2.GaussianBlur(areas, (0, 0), 2.0 * len(areas) / SIZE)
    areas = areas * mask + soft * (1 - mask)
    return np.clip(_over(areas, lines) * .97 + .03 + _noise(rng, 12, .012, len(areas)), 0, 1)


def plain(areas, lines, mask, rng):
    """Flat areas, the object outlined."""
    return _over(areas, lines)


FINISH = {"plain": plain, "watercolor": watercolor, "ink": ink, "pixel art": pixel_art, "cyberpunk": cyberpunk,
          "pastel": pastel}
