"""Makes fixtures/conditioning: pictures, and what OpenCV, Pillow and diffusers make of them.

    python make_conditioning.py

`cases.json` lists the cases; each picture is a PNG. Drawing of bodies is our own few lines over cv2's shapes, by the
facts of ControlNet's openpose annotator (limbs as ellipses of half breadth 4 at 0.6 of their colour, joints as discs
of radius 4).
"""

import json
import math
from pathlib import Path

import cv2
import numpy as np
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageFilter

OUT = Path(__file__).parent / "fixtures" / "conditioning"
cases: dict[str, list] = {}


def save(name: str, array: np.ndarray) -> str:
    Image.fromarray(array).save(OUT / name, optimize=True)
    return name


def scene(width: int, height: int, seed: int) -> np.ndarray:
    """Soft hills, hard shapes and a little grain: edges of every direction and strength."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.stack([90 + 60 * np.sin(x / 11 + y / 17), 120 + y, 200 - x / 2], -1)
    picture[(x - 30) ** 2 + (y - 25) ** 2 < 200] = (240, 210, 60)
    cv2.rectangle(picture, (50, 12), (80, 40), (40, 160, 90), -1)
    cv2.line(picture, (0, height - 8), (width, height // 2), (20, 30, 160), 3)
    picture += random.normal(0, 6, picture.shape) + 25 * cv2.GaussianBlur(random.normal(0, 4, picture.shape), (0, 0), 2)
    return picture.clip(0, 255).round().astype(np.uint8)


def make_edges() -> None:
    cases["canny"] = []
    for name, width, height, thresholds in (
        ("scene-97x61", 97, 61, [(100, 200), (40, 90), (200, 100), (99.7, 150.2)]),
        ("scene-64x64", 64, 64, [(100, 200)]),
    ):
        picture = scene(width, height, seed=width)
        source = save(f"{name}.png", picture)
        grey = save(f"{name}-grey.png", np.array(Image.fromarray(picture).convert("L")))
        for low, high in thresholds:
            for file in (source, grey):
                edges = cv2.Canny(np.array(Image.open(OUT / file)), low, high)
                stem = file.removesuffix(".png")
                result = save(f"{stem}-canny-{low:g}-{high:g}.png", edges)
                cases["canny"].append({"image": file, "low": low, "high": high, "result": result})


def make_blurs(mask: Image.Image, name: str) -> None:
    picture = Image.open(OUT / "scene-97x61.png")
    cases["blur"] = []
    for image, file in ((mask, name), (picture, "scene-97x61.png")):
        for sigma in (0.3, 1, 4, 7.5) if image is mask else (2.5,):
            blurred = np.array(image.filter(ImageFilter.GaussianBlur(sigma)))
            result = save(f"{file.removesuffix('.png')}-blur-{sigma:g}.png", blurred)
            cases["blur"].append({"image": file, "sigma": sigma, "result": result})


def make_sizes() -> None:
    picture = Image.open(OUT / "scene-97x61.png")
    processor = VaeImageProcessor(vae_scale_factor=8)
    cases["resample"] = []
    for filter_name, filter_id in (("lanczos", Image.LANCZOS), ("bicubic", Image.BICUBIC)):
        for width, height in ((64, 64), (150, 40), (97, 30), (31, 61)):
            result = save(f"scene-{filter_name}-{width}x{height}.png", np.array(picture.resize((width, height), filter_id)))
            cases["resample"].append({"image": "scene-97x61.png", "filter": filter_name, "width": width, "height": height, "result": result})  # fmt: skip
    cases["fit"] = []
    for mode, ours in (("default", "stretch"), ("fill", "fill"), ("crop", "cover")):
        for width, height in ((64, 64), (48, 64), (120, 40)):
            fitted = processor.resize(picture, height, width, mode)
            result = save(f"scene-{ours}-{width}x{height}.png", np.array(fitted))
            cases["fit"].append({"image": "scene-97x61.png", "how": ours, "width": width, "height": height, "result": result})  # fmt: skip


def make_mask() -> tuple[Image.Image, str]:
    mask = np.zeros((61, 97), np.uint8)
    cv2.ellipse(mask, (60, 22), (17, 12), 30, 0, 360, 255, -1)
    mask[50:54, 20:24] = 90
    name = save("mask-97x61.png", mask)
    return Image.fromarray(mask), name


def make_crops() -> None:
    cases["crop_region"] = []
    random = np.random.default_rng(5)
    for _ in range(60):
        width, height = (int(v) for v in random.integers(20, 90, 2))
        left, top = int(random.integers(0, width - 1)), int(random.integers(0, height - 1))
        right, bottom = int(random.integers(left + 1, width + 1)), int(random.integers(top + 1, height + 1))
        mask = np.zeros((height, width), np.uint8)
        mask[top:bottom, left:right] = 255
        size = [int(v) * 8 for v in random.integers(4, 12, 2)]
        pad = int(random.choice([0, 3, 16]))
        region = VaeImageProcessor.get_crop_region(Image.fromarray(mask), *size, pad=pad)
        cases["crop_region"].append({"mask": [width, height, left, top, right, bottom], "size": size, "pad": pad, "region": [int(v) for v in region]})  # fmt: skip


def make_overlay(mask: Image.Image) -> None:
    picture = Image.open(OUT / "scene-97x61.png")
    drawn = Image.fromarray(np.array(picture)[::-1, ::-1].copy())
    soft = mask.filter(ImageFilter.GaussianBlur(4))
    laid = VaeImageProcessor().apply_overlay(soft, picture, drawn)
    cases["overlay"] = [{"image": "scene-97x61.png", "alpha": "mask-97x61-blur-4.png", "result": save("scene-overlay.png", np.array(laid))}]


def make_luma() -> None:
    picture = Image.open(OUT / "scene-97x61.png")
    cases["luma"] = [{"image": "scene-97x61.png", "result": save("scene-luma.png", np.array(picture.convert("L")))}]


def make_lines() -> None:
    """Differences of Gaussians over floats, as the two line kinds are described in their modules."""
    picture = np.array(Image.open(OUT / "scene-97x61.png")).astype(np.float32)
    near, far = (cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 5.0))
    dog = (255 - (far - near).min(2)).clip(0, 255).astype(np.uint8)
    scribble = np.where(2 * (255 - dog.astype(int)) > 32, 255, 0).astype(np.uint8)
    depth = (cv2.GaussianBlur(picture, (0, 0), 6.0) - picture).min(2).clip(0, 255)
    depth = depth / max(16, np.median(depth[depth > 8])) * 127
    lineart = depth.clip(0, 255).astype(np.uint8)
    cases["lines"] = [
        {"image": "scene-97x61.png", "kind": "scribble", "result": save("scene-scribble.png", scribble)},
        {"image": "scene-97x61.png", "kind": "lineart", "result": save("scene-lineart.png", lineart)},
    ]


LIMBS = [(1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
         (0, 14), (14, 16), (0, 15), (15, 17)]  # fmt: skip
HUES = [(255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
        (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
        (255, 0, 170), (255, 0, 85)]  # fmt: skip


def draw(points: list, width: int, height: int) -> np.ndarray:
    canvas = np.zeros((height, width, 3), np.uint8)
    for (i, j), color in zip(LIMBS, HUES):
        if points[i] is None or points[j] is None:
            continue
        (x0, y0), (x1, y1) = points[i], points[j]
        half = int(math.hypot(x0 - x1, y0 - y1) / 2)
        angle = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
        polygon = cv2.ellipse2Poly((int((x0 + x1) / 2), int((y0 + y1) / 2)), (half, 4), angle, 0, 360, 1)
        cv2.fillConvexPoly(canvas, polygon, [int(c * 0.6) for c in color])
    for point, color in zip(points, HUES):
        if point is not None:
            cv2.circle(canvas, (int(point[0]), int(point[1])), 4, color, -1)
    return canvas


def make_poses() -> None:
    random = np.random.default_rng(11)
    cases["openpose"] = []
    for i, (width, height) in enumerate(((128, 192), (200, 120), (96, 96))):
        points = [[round(float(x), 2), round(float(y), 2)] for x, y in random.uniform((0, 0), (width, height), (18, 2))]
        drawn = draw([None if j == 7 + i else p for j, p in enumerate(points)], width, height)
        keypoints = [v for j, p in enumerate(points) for v in ([0, 0, 0] if j == 7 + i else [*p, 0.9])]
        pose = {"people": [{"pose_keypoints_2d": keypoints}], "canvas_width": width, "canvas_height": height}
        cases["openpose"].append({"pose": pose, "width": width, "height": height, "result": save(f"pose-{i}.png", drawn)})


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    make_edges()
    mask, name = make_mask()
    make_blurs(mask, name)
    make_sizes()
    make_crops()
    make_overlay(mask)
    make_luma()
    make_lines()
    make_poses()
    (OUT / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
