"""Makes fixtures/folders.json and fixtures/folders: what diffusers draws of model folders with oddities in their files.

    python make_folders.py

Each case is one of fixtures/models with values laid over its JSON files, and a request. Float32 on CPU, the folder's
own scheduler.
"""

import json
import shutil
import tempfile
from pathlib import Path

import diffusers as d
import torch
from make_pictures import FIXTURES
from PIL import Image

HILLS, MASK = "inputs/hills-64x64.png", "inputs/mask-64x64.png"
STATISTICS = {"vae/config.json": {"latents_mean": [-1.6, 0.2, 0.9, -0.4], "latents_std": [3.1, 2.2, 1.4, 0.8]}}
BAKED = {"vocab.json": {"<cat>": 300, "<cat>_1": 301}, "added_tokens.json": {"<cat>": 300, "<cat>_1": 301}}
TEXT_CONFIG = json.loads((FIXTURES / "models/tiny-sd15/text_encoder/config.json").read_text())
CASES = {
    "index-class": ("tiny-sd15", {"model_index.json": {"scheduler": ["diffusers", "EulerDiscreteScheduler"]}}, {}),
    "encoder-class": ("tiny-sd15", {"text_encoder/config.json": {"architectures": ["CLIPModel"]}}, {}),
    "encoder-in-clip": (
        "tiny-sd15",
        {"text_encoder/config.json": {"model_type": "clip", "num_hidden_layers": 1, "text_config": TEXT_CONFIG | {"projection_dim": None, "top_k": 50}}},
        {},
    ),
    "shift-ignored": ("tiny-sd15", {"vae/config.json": {"shift_factor": 0.7}}, {}),
    "former-options": ("tiny-sd15", {"scheduler/scheduler_config.json": {"tensor_format": "pt", "timestep_values": None}}, {}),
    "statistics": ("tiny-sdxl", STATISTICS, {}),
    "statistics-img2img": ("tiny-sdxl", STATISTICS, {"image": HILLS, "strength": 0.7}),
    "statistics-inpaint": ("tiny-sdxl", STATISTICS, {"image": HILLS, "mask_image": MASK, "strength": 0.7}),
    "one-statistic": ("tiny-sdxl", {"vae/config.json": {"latents_mean": [-1.6, 0.2, 0.9, -0.4]}}, {}),
    "baked": ("tiny-sd15", {f"tokenizer/{file}": values for file, values in BAKED.items()}, {"prompt": "a <cat> on a table"}),
    "baked-second": ("tiny-sdxl", {f"tokenizer_2/{file}": values for file, values in BAKED.items()}, {"prompt": "a <cat> on a table"}),
}  # fmt: skip
DEFAULTS = {
    "prompt": "a red mug on a table", "negative_prompt": "blue", "prompt_syntax": "plain", "width": 64, "height": 64,
    "num_inference_steps": 5, "guidance_scale": 4, "seed": 3,
}  # fmt: skip
KINDS = {
    "StableDiffusionPipeline": (d.StableDiffusionPipeline, d.StableDiffusionImg2ImgPipeline, d.StableDiffusionInpaintPipeline),
    "StableDiffusionXLPipeline": (d.StableDiffusionXLPipeline, d.StableDiffusionXLImg2ImgPipeline, d.StableDiffusionXLInpaintPipeline),
}  # fmt: skip


def draw(folder: Path, request: dict) -> Image.Image:
    variant = {"variant": "fp16"} if any(folder.rglob("*.fp16.*")) else {}
    text, image, inpaint = KINDS[json.loads((folder / "model_index.json").read_text())["_class_name"]]
    kind = inpaint if "mask_image" in request else image if "image" in request else text
    pipeline = kind.from_pretrained(folder, torch_dtype=torch.float32, **variant)
    pipeline.set_progress_bar_config(disable=True)
    arguments = {key: request[key] for key in ("prompt", "negative_prompt", "num_inference_steps", "guidance_scale", "strength") if key in request}
    if kind is not image:
        arguments |= {"width": request["width"], "height": request["height"]}
    if "image" in request:
        arguments["image"] = Image.open(FIXTURES / request["image"]).convert("RGB")
    if "mask_image" in request:
        arguments["mask_image"] = Image.open(FIXTURES / request["mask_image"]).convert("L")
    return pipeline(**arguments, generator=torch.Generator().manual_seed(request["seed"])).images[0]


if __name__ == "__main__":
    torch.set_num_threads(1)
    (FIXTURES / "folders").mkdir(exist_ok=True)
    golden = []
    for name, (base, files, changes) in CASES.items():
        request = DEFAULTS | changes
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(shutil.copytree(FIXTURES / "models" / base, Path(temporary) / base))
            for file, values in files.items():
                path = folder / file
                now = json.loads(path.read_text()) if path.exists() else {}
                path.write_text(json.dumps(now | values))
            draw(folder, request).save(FIXTURES / "folders" / f"{name}.png", optimize=True)
        golden.append({"name": name, "base": base, "files": files, "request": request})
    (FIXTURES / "folders.json").write_text(json.dumps(golden, indent=1) + "\n")
