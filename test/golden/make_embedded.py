"""Makes fixtures/embedded.json and fixtures/embedded from models/mini as it is committed, with diffusers.

    python make_embedded.py

The model's own defaults in float32 on CPU, so that what newcomers see first is what diffusers draws from that folder:
words alone, a sketch made into a watercolor, a product on its own edges with its background swapped, a posed dancer.
"""

import json
import sys
from pathlib import Path

from make_pictures import FIXTURES
from make_pipelines import run

sys.path.append(str(Path(__file__).parents[2] / "training"))
MODEL = "../../../models/mini"
FOLDER = FIXTURES / "embedded"
DEFAULTS = json.loads((FIXTURES / MODEL / "darkroom.json").read_text())["defaults"]


def request(prompt: str, **changes) -> dict:
    size = {} if "image" in changes else {"width": DEFAULTS["width"], "height": DEFAULTS["height"]}
    return {
        "model": MODEL, "prompt": prompt, "negative_prompt": "", "prompt_syntax": "plain", **size, "seed": 1,
        **{key: DEFAULTS[key] for key in ("num_inference_steps", "guidance_scale", "sampler", "schedule")}, **changes,
    }  # fmt: skip


def steered(kind: str) -> dict:
    control = {"kind": "raw", "image": f"embedded/{kind}.png", "controlnet": f"{MODEL}/controlnets/{kind}"}
    return {"controls": [control]}


def make_hints() -> None:
    import numpy as np
    from hints import canny, stick_figures
    from people import skeleton
    from PIL import Image

    Image.fromarray(canny(np.asarray(Image.open(FOLDER / "product.png")))).save(FOLDER / "canny.png", optimize=True)
    joints = skeleton("dancing", np.random.default_rng(3)) * 1.7 + (43, 54)
    Image.fromarray(stick_figures([joints])).save(FOLDER / "openpose.png", optimize=True)


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
    cases = [{"name": name, "request": wanted, "picture": f"embedded/{name}.png"} for name, wanted in requests.items()]
    (FIXTURES / "embedded.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
