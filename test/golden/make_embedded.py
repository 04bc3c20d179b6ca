"""Makes fixtures/embedded.json and fixtures/embedded from models/mini as it is committed, with diffusers.

    python make_embedded.py

The model's own defaults in float32 on CPU, so that what newcomers see first is what diffusers draws from that folder:
words alone, the same made larger by the model's upscaler (in torch), a sketch made into a watercolor, a product on its
own edges with its background swapped, a posed dancer.
"""

import json
import sys
from pathlib import Path

from make_pictures import FIXTURES
from make_pipelines import run
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "training"))
MODEL = "../../../models/mini"
FOLDER = FIXTURES / "embedded"
DEFAULTS = json.loads((FIXTURES / MODEL / "darkroom.json").read_text())["defaults"]


def request(prompt: str, **changes) -> dict:
    size = {} if "image" in changes else {"width": DEFAULTS["width"], "height": DEFAULTS["height"]}
    return {
        "model": MODEL, "prompt": prompt, "negative_prompt": "", "prompt_syntax": "plain", **size, "seed": 1, "enlarge": False,
        **{key: DEFAULTS[key] for key in ("num_inference_steps", "guidance_scale", "sampler", "schedule")}, **changes,
    }  # fmt: skip


def steered(kind: str) -> dict:
    control = {"kind": "raw", "image": f"embedded/{kind}.png", "controlnet": f"{MODEL}/controlnets/{kind}"}
    return {"controls": [control]}


def make_hints() -> None:
    import numpy as np
    from hints import canny, stick_figures
    from people import skeleton

    Image.fromarray(canny(np.asarray(Image.open(FOLDER / "product.png")))).save(FOLDER / "canny.png", optimize=True)
    joints = skeleton("dancing", np.random.default_rng(3)) * 1.7 + (43, 54)
    Image.fromarray(stick_figures([joints])).save(FOLDER / "openpose.png", optimize=True)


def make_enlarged(picture: Image.Image) -> Image.Image:
    """What torch makes of a picture with the model's upscaler."""
    import numpy as np
    import torch
    from safetensors.torch import load_file
    from upscaler import SRVGGNetCompact

    net = SRVGGNetCompact()
    net.load_state_dict({k: v.float() for k, v in load_file(FIXTURES / MODEL / "upscaler/model.safetensors").items()})
    small = torch.from_numpy(np.asarray(picture)).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        large = (net(small)[0].clamp(0, 1) * 255).round().byte()
    return Image.fromarray(large.permute(1, 2, 0).numpy())


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    requests = {
        "product": request("a red bag on a studio backdrop"),
        "watercolor": request("a red bag on a studio backdrop, watercolor painting style", image="embedded/product.png", strength=0.75),
        "swapped": request("a red bag on a beach at sunset", **steered("canny")),
        "dancer": request("A dancer in red dress", **steered("openpose")),
    }  # fmt: skip
    for name, wanted in requests.items():
        if name == "swapped":
            make_hints()
        _, [picture] = run(wanted)
        picture.save(FOLDER / f"{name}.png", optimize=True)
    product = requests["product"]
    make_enlarged(Image.open(FOLDER / "product.png")).save(FOLDER / "enlarged.png", optimize=True)
    requests["enlarged"] = {**product, "enlarge": True}
    cases = [{"name": name, "request": wanted, "picture": f"embedded/{name}.png"} for name, wanted in requests.items()]
    (FIXTURES / "embedded.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
