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

    recolour(rgb, focus) -> rgb of an area; line_of(rgb, focus) -> (rgb, width in pixels) or None.
    `focus` is True while the main object is drawn.
    """

    def __init__(self, recolour, line_of):
        self.recolour, self.line_of, self.focus = recolour, line_of, False
        self.areas, self.lines = skia.Surface(SIZE, SIZE), skia.Surface(SIZE, SIZE)
        self.mask = skia.Surface(SIZE, SIZE)

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
        self.areas.getCanvas().drawPath(path, paint)
        erase = skia.Paint(AntiAlias=True, BlendMode=skia.BlendMode.kClear)
        self.lines.getCanvas().drawPath(path, erase)
        cover = skia.Paint(AntiAlias=True, Color=skia.ColorWHITE if self.focus else skia.ColorBLACK)
        self.mask.getCanvas().drawPath(path, cover)
        pen = self.line_of(rgb, self.focus) if line else None
        if pen:
            stroke = skia.Paint(AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=pen[1],
                                StrokeJoin=skia.Paint.kRound_Join, Color=_colour(pen[0]))
            self.lines.getCanvas().drawPath(path, stroke)

    def band(self, path, rgb, width, line=True):
        """Draw a path as a band of `width` pixels."""
        pen = skia.Paint(Style=skia.Paint.kStroke_Style, StrokeWidth=width,
                         StrokeCap=skia.Paint.kRound_Cap, StrokeJoin=skia.Paint.kRound_Join)
        outline = skia.Path()
        pen.getFillPath(path, outline)
        self.area(outline, rgb, line)

    def layers(self):
        """-> areas [256,256,3] float 0..1, lines [256,256,4] premultiplied 0..1, focus mask [256,256,1]."""
        areas, lines, mask = (_pixels(s) for s in (self.areas, self.lines, self.mask))
        return areas[..., :3], lines, mask[..., :1]


def _colour(rgb):
    return skia.Color(*(int(min(255, max(0, round(c)))) for c in rgb))


def _pixels(surface):
    array = surface.makeImageSnapshot().toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)
    picture = array.astype(np.float32) / 255
    picture[..., :3] *= picture[..., 3:]
    return picture
