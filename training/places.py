"""The places: each paints the whole background of a 256 x 256 picture with a Painter.

Sun, moon and horizon stand at fixed positions; buildings, hills and trees vary a little with `rng`.
"""
from painter import SIZE, mix, parse_path
from shapes import box, oval

SKIES = {  # time -> (top, horizon)
    "day": ((96, 172, 240), (206, 234, 252)),
    "sunset": ((150, 82, 160), (255, 176, 96)),
    "night": ((14, 20, 56), (52, 62, 116)),
}
LIGHT = {"day": (1, 1, 1), "sunset": (1.0, .80, .68), "night": (.40, .45, .68)}  # factor on RGB
STARS = ((22, 30), (58, 16), (92, 44), (126, 20), (158, 50), (34, 74), (238, 92), (244, 22), (74, 84), (178, 16))


def lit(rgb, time):
    """A surface colour under the light of the time of day."""
    return tuple(c * f for c, f in zip(rgb, LIGHT[time]))


def shape(p, svg, rgb, time, line=True, fade=None):
    """Fill an SVG path with a lit colour."""
    p.area(parse_path(svg), lit(rgb, time), line, lit(fade, time) if fade else None)


def heavens(p, time, x0=0, y0=0, x1=SIZE, y1=SIZE, scale=1.0):
    """Sky gradient with sun or moon and stars inside a rectangle."""
    top, low = SKIES[time]
    p.area(parse_path(box(x0, y0, x1 - x0, y1 - y0)), top, False, low)
    if time == "day":
        p.area(parse_path(oval(x0 + 214 * scale, y0 + 42 * scale, 22 * scale, 22 * scale)), (255, 226, 92))
    elif time == "sunset":
        p.area(parse_path(oval(x0 + 52 * scale, y0 + 104 * scale, 34 * scale, 34 * scale)), (255, 112, 62))
    else:
        for x, y in STARS:
            p.area(parse_path(oval(x0 + x * scale, y0 + y * scale, 2.6, 2.6)), (250, 246, 214), False)
        p.area(parse_path(oval(x0 + 210 * scale, y0 + 44 * scale, 24 * scale, 24 * scale)), (246, 240, 206))
        p.area(parse_path(oval(x0 + 199 * scale, y0 + 37 * scale, 19 * scale, 19 * scale)),
               mix(*SKIES["night"], .2), False)


def cloud(p, x, y, width, time):
    """A cloud of three puffs, its flat base at y."""
    r = width / 4
    path = f"M{x - 2 * r} {y} C{x - 2.6 * r} {y - r} {x - 1.6 * r} {y - 1.5 * r} {x - r} {y - 1.1 * r} " \
           f"C{x - .8 * r} {y - 2.2 * r} {x + .8 * r} {y - 2.2 * r} {x + .9 * r} {y - 1.1 * r} " \
           f"C{x + 1.8 * r} {y - 1.4 * r} {x + 2.5 * r} {y - .8 * r} {x + 2 * r} {y} Z"
    shape(p, path, (250, 252, 255), time)


def fir(p, x, base, height, rgb, time):
    """A conifer of two tiers."""
    w = height * .3
    shape(p, box(x - 4, base - 12, 8, 14), (110, 74, 46), time)
    shape(p, f"M{x} {base - height * .66} L{x + w} {base - 8} L{x - w} {base - 8} Z", rgb, time)
    shape(p, f"M{x} {base - height} L{x + w * .8} {base - height * .42} L{x - w * .8} {base - height * .42} Z", rgb, time)


def tower(p, x, top, width, base, rgb, time, windows):
    """A block with windows of 8 pixels, lit by night."""
    shape(p, box(x, top, width, base - top), rgb, time)
    glow = (255, 224, 120) if time != "day" else mix(rgb, (225, 244, 255), .75)
    for wy in range(top + 8, base - 12, 20):
        for wx in range(x + 6, x + width - 9, 14):
            p.area(parse_path(box(wx, wy, 8, 10)), glow, False) if windows.random() < .8 else None


def table(p, time, rng):
    wall = (236, 214, 182)
    shape(p, box(0, 0, SIZE, 190), wall, time, False, mix(wall, (190, 150, 120), .35))
    shape(p, box(14, 16, 72, 92), (250, 250, 244), time)
    heavens(p, time, 20, 22, 80, 102, .28)
    shape(p, box(46, 20, 6, 84), (250, 250, 244), time, False)
    shape(p, box(178, 26, 56, 46), (250, 246, 236), time)
    shape(p, f"M182 68 L{rng.integers(196, 204)} 40 L216 56 L222 48 L230 68 Z", (120, 164, 130), time, False)
    shape(p, "M0 168 L256 168 L256 256 L0 256 Z", (178, 118, 68), time, True, (150, 94, 52))
    shape(p, box(0, 238, SIZE, 18), (122, 74, 42), time)


def beach(p, time, rng):
    heavens(p, time)
    cloud(p, 118 + rng.integers(-8, 9), 52, 60, time)
    shape(p, box(0, 128, SIZE, 60), (38, 140, 196), time, True, (86, 196, 214))
    y = 174 + int(rng.integers(-3, 4))
    shape(p, f"M0 {y} Q64 {y - 12} 128 {y} Q192 {y + 12} 256 {y} L256 256 L0 256 Z", (250, 250, 244), time, False)
    shape(p, f"M0 {y + 8} Q64 {y - 4} 128 {y + 8} Q192 {y + 20} 256 {y + 8} L256 256 L0 256 Z",
          (242, 214, 150), time, True, (226, 188, 120))
    shape(p, "M226 206 Q222 150 236 104 L244 106 Q232 152 238 206 Z", (142, 98, 60), time)
    for tip in ((190, 112), (204, 86), (246, 72), (254, 112)):
        shape(p, f"M240 102 Q{(240 + tip[0]) / 2} {min(102, tip[1]) - 16} {tip[0]} {tip[1]} "
                 f"Q{(240 + tip[0]) / 2} {tip[1] - 2} 240 102 Z", (66, 152, 82), time)


def forest(p, time, rng):
    heavens(p, time)
    for x in range(8, 260, 34):
        fir(p, x + int(rng.integers(-3, 4)), 164, int(rng.integers(104, 124)), (96, 158, 116), time)
    shape(p, "M0 156 Q128 146 256 156 L256 256 L0 256 Z", (92, 148, 76), time, True, (66, 116, 60))
    for x in (18, 60, 200, 240):
        fir(p, x, 190 + int(rng.integers(-4, 5)), int(rng.integers(140, 160)), (36, 104, 72), time)


def city(p, time, rng):
    heavens(p, time)
    for x, rgb in zip((0, 44, 88, 132, 174, 214), ((176, 120, 104), (200, 176, 140), (150, 152, 170),
                                                   (196, 140, 110), (172, 172, 160), (150, 110, 110))):
        tower(p, x, int(rng.integers(52, 84)) + (30 if 60 < x < 150 else 0), 42, 180, rgb, time, rng)
    shape(p, box(0, 178, SIZE, 78), (112, 114, 122), time, True, (92, 94, 104))
    shape(p, box(0, 178, SIZE, 10), (176, 174, 168), time)
    for x in (8, 88, 168, 248):
        shape(p, f"M{x} 228 L{x + 40} 228 L{x + 36} 238 L{x - 4} 238 Z", (244, 240, 220), time, False)


def futuristic_city(p, time, rng):
    heavens(p, time)
    glass = (120, 208, 226)
    for x, top, w in ((6, 70, 36), (50, 36, 30), (92, 92, 40), (140, 60, 30), (184, 96, 34), (220, 44, 30)):
        top += int(rng.integers(-8, 9))
        shape(p, f"M{x} 190 L{x + w * .14} {top + w} Q{x + w * .18} {top} {x + w / 2} {top - 14} "
                 f"Q{x + w * .82} {top} {x + w * .86} {top + w} L{x + w} 190 Z", (132, 150, 196), time, True, (196, 206, 232))
        for y in range(top + 24, 176, 24):
            p.area(parse_path(box(x + w * .25, y, w * .5, 9)), glass if time != "day" else (236, 250, 255), False)
    shape(p, oval(104, 66, 40, 9), (210, 220, 236), time)
    shape(p, "M84 60 Q104 38 124 60 Z", (120, 208, 226), time)
    shape(p, box(0, 180, SIZE, 76), (96, 108, 150), time, True, (66, 74, 116))
    p.area(parse_path("M0 196 L256 196 L256 204 L0 204 Z"), glass, False)
    p.area(parse_path("M0 240 L256 240 L256 248 L0 248 Z"), glass, False)


def mountains(p, time, rng):
    heavens(p, time)
    cloud(p, 140, 40, 56, time)
    for x, top, w, rgb in ((40, 66, 96, (132, 142, 170)), (214, 78, 92, (132, 142, 170)), (128, 48, 104, (104, 114, 146))):
        top += int(rng.integers(-6, 7))
        shape(p, f"M{x} {top} L{x + w} 180 L{x - w} 180 Z", rgb, time)
        s = .3
        d = (180 - top) * s
        shape(p, f"M{x} {top} L{x + w * s} {top + d} L{x + w * .1} {top + d * .75} L{x} {top + d * 1.2} "
                 f"L{x - w * .12} {top + d * .75} L{x - w * s} {top + d} Z", (248, 250, 255), time, False)
    shape(p, "M0 172 Q70 154 140 170 Q200 180 256 164 L256 256 L0 256 Z", (104, 162, 84), time, True, (74, 126, 64))


def snow(p, time, rng):
    heavens(p, time)
    shape(p, "M0 150 Q60 118 130 146 Q200 116 256 146 L256 256 L0 256 Z", (214, 228, 244), time)
    for x in (20, 52, 212, 242):
        height = int(rng.integers(92, 116))
        fir(p, x, 182, height, (70, 128, 120), time)
        shape(p, f"M{x} {182 - height} L{x + height * .1} {182 - height * .76} L{x - height * .1} {182 - height * .76} Z",
              (250, 252, 255), time, False)
    shape(p, "M0 178 Q80 164 150 176 Q210 184 256 172 L256 256 L0 256 Z", (248, 251, 255), time, True, (220, 232, 246))
    for _ in range(12):
        x, y = rng.integers(6, 250, 2)
        shape(p, oval(int(x), int(y), 3.4, 3.4), (255, 255, 255), "day", False)


def desert(p, time, rng):
    heavens(p, time)
    shape(p, f"M96 150 L{138 + rng.integers(-4, 5)} 92 L184 150 Z", (226, 176, 104), time)
    shape(p, "M0 150 Q70 122 140 148 Q200 166 256 140 L256 256 L0 256 Z", (236, 188, 112), time)
    shape(p, "M0 186 Q80 158 160 180 Q220 192 256 176 L256 256 L0 256 Z", (246, 206, 130), time, True, (222, 168, 92))
    for x, h in ((30, 84), (228, 72)):
        x, h, green = x + int(rng.integers(-4, 5)), h + int(rng.integers(-6, 7)), (70, 146, 88)
        p.band(parse_path(f"M{x} 192 L{x} {192 - h}"), lit(green, time), 14)
        p.band(parse_path(f"M{x} {190 - h * .4} L{x - 18} {190 - h * .4} L{x - 18} {180 - h * .7}"), lit(green, time), 9)
        p.band(parse_path(f"M{x} {184 - h * .3} L{x + 17} {184 - h * .3} L{x + 17} {178 - h * .55}"), lit(green, time), 9)


def meadow(p, time, rng):
    heavens(p, time)
    cloud(p, 70 + rng.integers(-8, 9), 58, 64, time)
    cloud(p, 162, 84, 52, time)
    shape(p, "M0 148 Q70 116 150 144 Q210 126 256 142 L256 256 L0 256 Z", (136, 196, 104), time)
    shape(p, "M0 176 Q90 158 170 172 Q220 180 256 168 L256 256 L0 256 Z", (116, 188, 84), time, True, (82, 152, 66))
    for x, y in ((20, 196), (52, 228), (26, 244), (206, 240), (236, 206), (226, 232), (96, 246), (160, 248)):
        rgb = ((250, 250, 240), (250, 220, 90), (244, 150, 180))[rng.integers(3)]
        shape(p, oval(x, y, 5, 5), rgb, time)


def sky(p, time, rng):
    heavens(p, time)
    for x, y, w in ((40, 70, 72), (150, 50, 60), (222, 130, 66), (24, 168, 60), (66, 244, 120), (188, 250, 130)):
        cloud(p, x + int(rng.integers(-6, 7)), y, w, time)


def studio(p, time, rng):
    wall = ((232, 226, 216), (216, 226, 234), (238, 220, 224))[rng.integers(3)]
    shape(p, box(0, 0, SIZE, 200), wall, time, False, mix(wall, (255, 255, 255), .5))
    shape(p, "M0 190 Q128 170 256 190 L256 256 L0 256 Z", mix(wall, (120, 110, 120), .16), time, False,
          mix(wall, (120, 110, 120), .32))
    p.area(parse_path(oval(128, 104, 92, 84)), mix(lit(wall, time), (255, 250, 236), .45), False)


def stage(p, time, rng):
    shape(p, box(0, 0, SIZE, 190), (74, 50, 86), time, False, (116, 66, 96))
    p.area(parse_path("M104 0 L152 0 L214 206 L42 206 Z"), mix(lit((116, 66, 96), time), (255, 236, 180), .45), False)
    shape(p, "M0 190 L256 190 L256 256 L0 256 Z", (186, 124, 72), time, True, (140, 88, 52))
    p.area(parse_path(oval(128, 216, 92, 20)), mix(lit((186, 124, 72), time), (255, 240, 190), .5), False)
    for x, way in ((0, 1), (SIZE, -1)):
        for i in range(3):
            a, b = x + way * 17 * i, x + way * 17 * (i + 1)
            shape(p, f"M{a} 0 L{b} 0 L{b - way * (3 + int(rng.integers(0, 4)))} 212 L{a} 212 Z",
                  ((168, 34, 52), (196, 48, 62))[i % 2], time)
    shape(p, "M0 0 L256 0 L256 22 Q234 42 213 22 Q192 42 170 22 Q149 42 128 22 Q107 42 86 22 Q64 42 43 22 Q22 42 0 22 Z",
          (182, 40, 56), time)


PAINT = {"table": table, "beach": beach, "forest": forest, "city": city, "futuristic city": futuristic_city,
         "mountains": mountains, "snow": snow, "desert": desert, "meadow": meadow, "sky": sky, "studio": studio,
         "stage": stage}
