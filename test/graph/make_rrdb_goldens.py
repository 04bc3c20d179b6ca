"""What spandrel (https://github.com/chaiNNer-org/spandrel) computes for upscalers in files of their own, for
rrdb.golden.json: the names of three generations of ESRGAN, ESRGAN+, pixels folded and shuffled, and Compact. Weights and
inputs follow a formula of their name, as in make_goldens.py.

    python make_rrdb_goldens.py      (requirements: ../golden/requirements.txt)
"""

import base64
import json
import re
from pathlib import Path

import torch
from make_goldens import field, packed, weight
from spandrel import ModelLoader
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN

GOLDEN = Path(__file__).parent / "rrdb.golden.json"
ODD = Path(__file__).parent / "rrdb-picture.golden.json"


def first(nf, nb, gc, last, ups, inputs=3, plus=False, shuffle=False) -> dict:
    """Shapes under the names of ESRGAN's first generation."""
    shapes = {"model.0.weight": [nf, inputs, 3, 3], "model.0.bias": [nf]}
    for block in range(nb):
        for dense in (1, 2, 3):
            name = f"model.1.sub.{block}.RDB{dense}"
            if plus:
                shapes[f"{name}.conv1x1.weight"] = [gc, nf, 1, 1]
            for i in range(1, 6):
                out = nf if i == 5 else gc
                shapes |= {f"{name}.conv{i}.0.weight": [out, nf + (i - 1) * gc, 3, 3], f"{name}.conv{i}.0.bias": [out]}
    layers = [(f"model.1.sub.{nb}", nf, nf)]
    layers += [(f"model.{3 * i + (2 if shuffle else 3)}", nf, 4 * nf if shuffle else nf) for i in range(ups)]
    layers += [(f"model.{3 * ups + 2}", nf, nf), (f"model.{3 * ups + 4}", nf, last)]
    for name, inside, out in layers:
        shapes |= {f"{name}.weight": [out, inside, 3, 3], f"{name}.bias": [out]}
    return shapes


def newer(shapes: dict, ups: int, trunk: str, dense: str, conv: str, up: str, hr: str) -> dict:
    """The same under the names of a later one."""
    names = {"model.0": "conv_first", f"model.{3 * ups + 2}": hr, f"model.{3 * ups + 4}": "conv_last"}
    names |= {f"model.{3 * i}": f"{up}{i}" for i in range(1, ups + 1)}
    result = {}
    for name, shape in shapes.items():
        name = re.sub(r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0", rf"{trunk}.\1.{dense}\2.\3", name)
        name = re.sub(r"model\.1\.sub\.\d+\.(weight|bias)", rf"{conv}.\1", name)
        prefix, kind = name.rsplit(".", 1)
        result[f"{names.get(prefix, prefix)}.{kind}"] = shape
    return result


# spandrel takes 32 for the channels that are added.
GC = 32


def case(name: str, shapes: dict, size=(6, 5), model=None) -> dict:
    state = {key: weight(key, shape) for key, shape in shapes.items()}
    picture = field("picture", 1, 3, *size).abs()
    if model is None:
        descriptor = ModelLoader().load_from_state_dict(dict(state))
        model, scale = descriptor.model, descriptor.scale
    else:
        model.load_state_dict(state)
        scale = model.scale
    with torch.no_grad():
        enlarged = model.eval()(picture)
    return {
        "name": name, "tensors": shapes, "picture": list(picture.shape), "scale": scale, "enlarged": packed(enlarged),
    }  # fmt: skip


def odd_picture(shapes: dict, height: int, width: int) -> dict:
    """A picture whose sides are no multiples of what the network folds, as 8-bit levels."""
    model = ModelLoader().load_from_state_dict({key: weight(key, shape) for key, shape in shapes.items()}).model
    levels = ((field("levels", height, width, 3) + 1) / 2 * 255).round()
    with torch.no_grad():
        enlarged = model.eval()(levels.permute(2, 0, 1)[None] / 255)
    pixels = (enlarged[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    made = {"dims": list(pixels.shape), "data": base64.b64encode(pixels.numpy().tobytes()).decode()}
    return {"tensors": shapes, "picture": [height, width, 3], "enlarged": made}


def compact(features: int, convs: int, scale: int) -> dict:
    model = Compact(num_feat=features, num_conv=convs, upscale=scale)
    return {key: list(value.shape) for key, value in model.state_dict().items()}


if __name__ == "__main__":
    second = dict(trunk="RRDB_trunk", dense="RDB", conv="trunk_conv", up="upconv", hr="HRconv")
    third = dict(trunk="body", dense="rdb", conv="conv_body", up="conv_up", hr="conv_hr")
    cases = [
        case("ESRGAN 4x, first names", first(8, 2, GC, 3, 2)),
        case("ESRGAN 1x, first names", first(6, 2, GC, 3, 0)),
        case("ESRGAN 8x, first names", first(4, 2, GC, 3, 3), (3, 2)),
        case("ESRGAN+ 2x", first(6, 2, GC, 3, 1, plus=True)),
        case("BSRGAN 2x, second names", newer(first(6, 2, GC, 3, 1), 1, **second)),
        case("ESRGAN 4x, second names", newer(first(4, 2, GC, 3, 2), 2, **second)),
        case("Real-ESRGAN 4x, third names", newer(first(4, 2, GC, 3, 2), 2, **third)),
        case("Real-ESRGAN 2x, pixels folded", newer(first(6, 2, GC, 3, 2, inputs=12), 2, **third), (6, 8)),
        case("Real-ESRGAN 1x, pixels folded", newer(first(6, 2, GC, 3, 2, inputs=48), 2, **third), (8, 12)),
        case(
            "ESRGAN 4x, pixels shuffled",
            first(4, 2, GC, 3, 2, shuffle=True),
            model=ESRGAN(num_filters=4, num_blocks=2, scale=4, upsampler="pixel_shuffle"),
        ),
        case("Compact 4x", compact(8, 3, 4)),
        case("Compact 1x", compact(6, 2, 1)),
    ]
    GOLDEN.write_text(json.dumps(cases) + "\n")
    ODD.write_text(json.dumps(odd_picture(newer(first(6, 2, GC, 3, 2, inputs=12), 2, **third), 9, 7)) + "\n")
