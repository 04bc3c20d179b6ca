"""A small vector painter: two skia layers (areas and lines) that a style later joins into one picture."""
import re

import numpy as np
import skia

SIZE = 256  # pixels a side


def parse_path(svg):
    """An absolute SVG path of M, L, Q, C and Z as a skia.Path."""
    path = skia.PathBuilder()
    verbs = {"M": path.moveTo, "L": path.lineTo, "Q": path.quadTo, "C": path.cubicTo, "Z": path.close}
    for verb, numbers in re.findall(r"([MLQCZ])([^MLQCZ]*)", svg):
        verbs[verb](*map(float, numbers.replace(",", " ").split()))
    return path.detach()


def hex_rgb(text):
    """'#rrggbb' as three integers."""
    return tuple(int(text[i:i + 2], 16) for i in (1, 3, 5))


def mix(a, b, share):
    """RGB colour between a (share 0) and b (share 1)."""
    return tuple(x + (y - x) * share for x, y in zip(a, b))


class Painter:
    """Draws areas and their outlines; `recolour` and `line_of` are the style's say in it.

    recolour(rgb, focus) -> rgb of an area; line_of(rgb, focus) -> (rgb, width in pixels) or None; no line_of: no lines.
    `focus` is True while the main object is drawn. Coordinates are those of 256 x 256; `scale` 2 draws the same
    scene at 512 x 512. A mask of the main object is kept for styles that are `masked`.
    """

    def __init__(self, recolour, line_of=None, masked=False, scale=1):
        self.recolour, self.line_of, self.focus = recolour, line_of, False
        self.areas = _Layer(scale)
        self.lines, self.mask = line_of and _Layer(scale), _Layer(scale) if masked else None

    def area(self, path, rgb, line=True, fade=None):
        """Fill a path (pixel coordinates); `fade` is a second colour for a gradient downwards."""
        paint = skia.Paint(AntiAlias=True)
        first = self.recolour(rgb, self.focus)
        paint.setColor(_colour(first))
        if fade is not None:
            bounds = path.getBounds()
            paint.setShader(skia.GradientShader.MakeLinear(
                [(0, bounds.top()), (0, bounds.bottom())],
                [_colour(first), _colour(self.recolour(fade, self.focus))]))
        self.areas.canvas.drawPath(path, paint)
        if self.mask:
            self.mask.canvas.drawPath(path, _COVER if self.focus else _ERASE)
        if not self.line_of:
            return
        self.lines.canvas.drawPath(path, _ERASE)
        pen = self.line_of(rgb, self.focus) if line else None
        if pen:
            stroke = skia.Paint(AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=pen[1],
                                StrokeJoin=skia.Paint.kRound_Join, Color=_colour(pen[0]))
            self.lines.canvas.drawPath(path, stroke)

    def band(self, path, rgb, width, line=True):
        """Draw a path as a band of `width` pixels."""
        pen = skia.Paint(Style=skia.Paint.kStroke_Style, StrokeWidth=width,
                         StrokeCap=skia.Paint.kRound_Cap, StrokeJoin=skia.Paint.kRound_Join)
        outline = skia.Path()
        pen.getFillPath(path, outline)
        self.area(outline, rgb, line)

    def layers(self):
        """-> areas [side,side,3] float 0..1, lines [side,side,4] premultiplied or None, focus mask [side,side,1] or None."""
        return (self.areas.pixels()[..., :3], self.lines and self.lines.pixels(), self.mask and self.mask.pixels()[..., 3:])


class _Layer:
    """A transparent surface whose pixels are a numpy array."""

    def __init__(self, scale):
        self.array = np.zeros((SIZE * scale, SIZE * scale, 4), np.uint8)
        self.surface = skia.Surface(self.array, colorType=skia.ColorType.kRGBA_8888_ColorType,
                                    alphaType=skia.AlphaType.kPremul_AlphaType)
        self.canvas = self.surface.getCanvas()
        self.canvas.scale(scale, scale)

    def pixels(self):
        """float32 [side,side,4] in 0..1, premultiplied."""
        return np.multiply(self.array, np.float32(1 / 255))


_ERASE = skia.Paint(AntiAlias=True, BlendMode=skia.BlendMode.kClear)
_COVER = skia.Paint(AntiAlias=True, Color=skia.ColorWHITE)


def _colour(rgb):
    return skia.Color(*(int(min(255, max(0, round(c)))) for c in rgb))
