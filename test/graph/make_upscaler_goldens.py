"""What torch computes for SRVGGNetCompact (https://github.com/xinntao/Real-ESRGAN) with every option that the builder
knows, for upscaler.golden.json. Weights and inputs follow a formula of their name, as in make_goldens.py.

    python make_upscaler_goldens.py      (requirements: ../golden/requirements.txt)
"""

import json
from pathlib import Path

import torch
from make_goldens import field, fill, packed
from torch import nn
from torch.nn import functional

GOLDEN = Path(__file__).parent / "upscaler.golden.json"
ACTIVATIONS = {"relu": nn.ReLU, "leakyrelu": lambda: nn.LeakyReLU(0.1), "prelu": lambda: nn.PReLU(8)}


def upscaler_case(name: str, **config) -> dict:
    act, feat, scale = config.get("act_type", "prelu"), config["num_feat"], config.get("upscale", 4)
    layers = []
    for i in range(config["num_conv"] + 1):
        layers += [nn.Conv2d(3 if i == 0 else feat, feat, 3, 1, 1), ACTIVATIONS[act]()]
    net = nn.Module()
    net.body = nn.Sequential(*layers, nn.Conv2d(feat, 3 * scale**2, 3, 1, 1))
    tensors = fill(net)
    picture = field("picture", 2, 3, 5, 7).abs()
    with torch.no_grad():
        detail = functional.pixel_shuffle(net.body(picture), scale)
    enlarged = detail + functional.interpolate(picture, scale_factor=scale, mode="nearest")
    return {"name": name, "config": config, "tensors": tensors, "picture": [2, 3, 5, 7], "enlarged": packed(enlarged)}


if __name__ == "__main__":
    cases = [
        upscaler_case("the embedded model's", num_feat=8, num_conv=2, upscale=2, act_type="leakyrelu", num_in_ch=3, num_out_ch=3),
        upscaler_case("Real-ESRGAN's", num_feat=8, num_conv=3),
        upscaler_case("three times larger", num_feat=6, num_conv=1, upscale=3, act_type="relu"),
    ]
    GOLDEN.write_text(json.dumps(cases) + "\n")
