"""The objects as data: coloured outlines in a box of 100 x 100, feet at y = 100.

A part is (fill, path, stroke width). `fill` is a shade of the object's own colour ("base", "dark",
"light") or a fixed "#rrggbb". A stroke width above 0 draws the path as a thick band instead of an
area. A leading "!" means that the part gets no outline. Paths are absolute SVG: M L Q C Z.
"""
import math


def oval(cx, cy, rx, ry):
    """SVG path of an ellipse."""
    kx, ky = rx * 0.5523, ry * 0.5523
    return (f"M{cx - rx} {cy} C{cx - rx} {cy - ky} {cx - kx} {cy - ry} {cx} {cy - ry} "
            f"C{cx + kx} {cy - ry} {cx + rx} {cy - ky} {cx + rx} {cy} "
            f"C{cx + rx} {cy + ky} {cx + kx} {cy + ry} {cx} {cy + ry} "
            f"C{cx - kx} {cy + ry} {cx - rx} {cy + ky} {cx - rx} {cy} Z")


def box(x, y, w, h):
    """SVG path of a rectangle."""
    return f"M{x} {y} L{x + w} {y} L{x + w} {y + h} L{x} {y + h} Z"


def _star(cx, cy, outer, inner):
    points = [(cx + r * math.sin(i * math.pi / 5), cy - r * math.cos(i * math.pi / 5))
              for i, r in enumerate([outer, inner] * 5)]
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points) + " Z"


def _petals(cx, cy, distance, radius):
    return [("base", oval(round(cx + distance * math.cos(a), 1), round(cy + distance * math.sin(a), 1),
                          radius, radius), 0) for a in (i * math.pi / 3 for i in range(6))]


SHAPES = {
    "mug": [
        ("base", "M70 42 Q96 38 94 60 Q92 80 68 80", 9),
        ("base", "M18 26 L22 90 Q23 99 34 99 L60 99 Q71 99 72 90 L76 26 Z", 0),
        ("!light", "M28 42 L31 86 L39 88 L37 44 Z", 0),
        ("light", oval(47, 26, 29, 9), 0), ("#5b3824", oval(47, 27, 23, 6), 0),
    ],
    "teapot": [
        ("base", "M20 50 Q-2 46 5 68 Q10 82 26 80", 7),
        ("base", "M72 78 Q86 70 87 48 L99 44 Q99 84 66 92 Z", 0),
        ("dark", box(30, 88, 38, 11), 0), ("base", oval(49, 66, 33, 29), 0),
        ("light", "M27 46 Q49 22 71 46 Q49 54 27 46 Z", 0), ("dark", oval(49, 27, 7, 7), 0),
        ("!light", oval(34, 64, 6, 12), 0),
    ],
    "apple": [
        ("base", "M50 30 C38 16 8 20 10 54 C12 84 34 104 50 96 C66 104 88 84 90 54 C92 20 62 16 50 30 Z", 0),
        ("!light", oval(28, 50, 8, 14), 0), ("#6e4526", "M50 34 Q49 18 56 6", 5),
        ("#4f9d45", "M54 20 Q66 0 90 8 Q80 28 54 20 Z", 0),
    ],
    "cat": [
        ("base", "M66 92 Q98 94 90 60", 9),
        ("base", "M24 99 Q22 58 50 56 Q78 58 76 99 Z", 0), ("!light", oval(50, 84, 13, 14), 0),
        ("base", oval(37, 96, 9, 5), 0), ("base", oval(63, 96, 9, 5), 0),
        ("base", "M22 36 L20 1 L46 18 Z", 0), ("base", "M78 36 L80 1 L54 18 Z", 0),
        ("!#f2a9b5", "M26 24 L24.5 9 L36 18 Z", 0), ("!#f2a9b5", "M74 24 L75.5 9 L64 18 Z", 0),
        ("base", oval(50, 38, 31, 25), 0),
        ("#f4f7d8", oval(38, 35, 7, 8), 0), ("#f4f7d8", oval(62, 35, 7, 8), 0),
        ("!#1d1d22", oval(38, 36, 3.5, 6), 0), ("!#1d1d22", oval(62, 36, 3.5, 6), 0),
        ("!#e8808f", "M45 46 L55 46 L50 52 Z", 0),
    ],
    "fish": [
        ("dark", "M40 30 Q52 6 68 14 L66 38 Z", 0), ("dark", "M42 70 Q48 92 60 90 L58 68 Z", 0),
        ("dark", "M68 50 L96 20 Q88 50 96 80 Z", 0),
        ("base", "M3 50 Q32 10 78 46 L78 54 Q32 92 3 50 Z", 0),
        ("!light", "M12 56 Q36 80 66 60 Q36 66 12 56 Z", 0),
        ("!dark", "M44 30 Q52 50 44 70 L51 68 Q58 50 51 32 Z", 0),
        ("#ffffff", oval(22, 44, 6, 6), 0), ("!#1d1d22", oval(21, 44, 3, 3), 0),
    ],
    "bird": [
        ("#d0852c", "M42 84 L40 99", 4), ("#d0852c", "M54 84 L56 99", 4),
        ("dark", "M24 56 L1 44 L4 74 L26 72 Z", 0), ("base", oval(46, 62, 31, 26), 0),
        ("#f0a22e", "M80 26 L99 34 L80 44 Z", 0), ("base", oval(66, 34, 21, 20), 0),
        ("!light", oval(58, 72, 16, 12), 0), ("dark", "M22 52 Q50 40 56 62 Q40 86 22 70 Z", 0),
        ("#ffffff", oval(71, 31, 5.5, 5.5), 0), ("!#1d1d22", oval(72, 31, 3, 3), 0),
    ],
    "car": [
        ("base", "M1 76 Q0 62 12 59 L24 56 L36 36 Q38 32 44 32 L66 32 Q71 32 74 36 L86 56 L94 60 "
                 "Q99 64 99 72 L99 82 Q99 88 92 88 L8 88 Q1 88 1 80 Z", 0),
        ("#bfe4f4", "M32 56 L42 39 L52 39 L52 56 Z", 0), ("#bfe4f4", "M57 56 L57 39 L68 39 L78 56 Z", 0),
        ("!light", "M5 68 L95 68 L97 74 L4 74 Z", 0), ("#ffe98a", oval(94, 66, 4, 5), 0),
        ("#2b2b31", oval(24, 87, 13, 13), 0), ("#c9ccd2", oval(24, 87, 6, 6), 0),
        ("#2b2b31", oval(76, 87, 13, 13), 0), ("#c9ccd2", oval(76, 87, 6, 6), 0),
    ],
    "boat": [
        ("#7a5230", box(47, 4, 6, 62), 0),
        ("light", "M56 6 Q92 34 90 58 L56 58 Z", 0), ("#fbf4e0", "M44 14 L44 58 L12 58 Q20 34 44 14 Z", 0),
        ("base", "M2 66 L98 66 L82 92 Q79 98 72 98 L28 98 Q21 98 18 92 Z", 0),
        ("!light", "M8 71 L92 71 L88 78 L12 78 Z", 0),
    ],
    "house": [
        ("#8d5a48", box(68, 8, 12, 28), 0), ("base", box(12, 46, 76, 53), 0),
        ("dark", "M50 4 L99 48 L1 48 Z", 0), ("#6b4226", box(42, 66, 18, 33), 0),
        ("#ffe9a0", box(19, 58, 16, 18), 0), ("#ffe9a0", box(67, 58, 16, 18), 0),
    ],
    "tree": [
        ("#7a5230", "M43 58 L57 58 L62 99 L38 99 Z", 0),
        ("base", "M50 1 C70 -1 80 14 78 22 C96 26 100 50 84 60 C78 74 58 74 50 68 C42 74 22 74 16 60 "
                 "C0 50 4 26 22 22 C20 14 30 -1 50 1 Z", 0),
        ("!light", oval(38, 24, 13, 9), 0), ("!dark", oval(68, 54, 12, 8), 0), ("!light", oval(24, 44, 8, 6), 0),
    ],
    "chair": [
        ("dark", box(28, 60, 8, 32), 0), ("dark", box(64, 60, 8, 32), 0),
        ("base", "M20 8 Q20 1 28 1 L72 1 Q80 1 80 8 L80 56 L20 56 Z", 0),
        ("!dark", box(32, 14, 8, 34), 0), ("!dark", box(46, 14, 8, 34), 0), ("!dark", box(60, 14, 8, 34), 0),
        ("light", "M20 52 L80 52 L90 66 L10 66 Z", 0), ("base", box(10, 66, 80, 8), 0),
        ("base", box(12, 74, 10, 25), 0), ("base", box(78, 74, 10, 25), 0),
    ],
    "lamp": [
        ("#8b9098", box(46, 46, 8, 44), 0), ("dark", oval(50, 92, 28, 7), 0),
        ("#fff3b0", oval(50, 52, 16, 9), 0),
        ("base", "M30 2 L70 2 L92 52 L8 52 Z", 0), ("!light", "M36 6 L44 6 L34 48 L18 48 Z", 0),
    ],
    "flower": [
        ("#3f8f45", "M50 50 Q47 76 50 99", 6),
        ("#4ca552", "M49 88 Q24 90 16 66 Q42 64 49 88 Z", 0), ("#4ca552", "M50 80 Q76 80 84 58 Q58 56 50 80 Z", 0),
        *_petals(50, 32, 20, 13), ("#7a4a25", oval(50, 32, 11, 11), 0),
    ],
    "star": [
        ("base", _star(50, 54, 53, 25), 0), ("!light", _star(50, 50, 30, 15), 0),
        ("!#1d1d22", oval(42, 50, 3.5, 5), 0), ("!#1d1d22", oval(58, 50, 3.5, 5), 0),
        ("!#1d1d22", "M42 60 Q50 68 58 60", 3),
    ],
    "balloon": [
        ("#5a4636", "M38 68 L42 86", 2.5), ("#5a4636", "M62 68 L58 86", 2.5),
        ("base", "M50 1 C4 1 0 42 36 74 L64 74 C100 42 96 1 50 1 Z", 0),
        ("light", "M50 1 C30 14 32 50 44 74 L56 74 C68 50 70 14 50 1 Z", 0),
        ("#a06a3a", box(39, 84, 22, 15), 0),
    ],
    "umbrella": [
        ("#5a4636", "M50 46 L50 88 Q50 97 42 97 Q34 97 34 88", 5), ("#5a4636", "M50 10 L50 1", 4),
        ("base", "M1 52 Q4 6 50 6 Q96 6 99 52 Q87 42 75 52 Q62 42 50 52 Q38 42 25 52 Q13 42 1 52 Z", 0),
        ("!light", "M50 6 Q30 14 25 52 Q38 42 50 52 Z", 0), ("!dark", "M50 6 Q96 6 99 52 Q87 42 75 52 Q72 16 50 6 Z", 0),
    ],
}
