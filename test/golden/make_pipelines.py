"""Makes fixtures/pipelines.json and fixtures/pipelines from the models of fixtures/models, with diffusers.

    python make_pipelines.py [NAME...]     all cases, or those whose names contain a NAME

Float32 on CPU. One case is a request in the fields of `darkroom imagine --request` (files relative to the manifest),
the final latents before the VAE as .npy [n, C, h, w], and the pictures. Three sweeps: every sampler with every
spacing and schedule on one family; every family through every pipeline with one sampler; and the axes one at a time
(seeds, sizes, batches, guidance, clip_skip). Where the reference is chaotic, its own float64 run says so: `drift` is how
far that run ends from the float32 one, in standard deviations of the latents.
"""

import json
import sys

import diffusers as d
import numpy as np
import torch
from make_pictures import FIXTURES
from PIL import Image, ImageDraw
from pipeline_requests import CLASSES, PIPELINES, SCHEDULES, requests


# ---- pictures


def make_inputs() -> None:
    def hills(width: int, height: int) -> Image.Image:
        y, x = np.mgrid[0:height, 0:width]
        sky = np.stack([120 + y, 160 + y // 2, 230 - y], -1)
        land = np.stack([40 + x, 110 + x // 2, 50 + y // 2], -1)
        return Image.fromarray(np.where((y > height / 2 + 8 * np.sin(x / 9.0))[..., None], land, sky).clip(0, 255).astype(np.uint8))

    def mask(width: int, height: int) -> Image.Image:
        picture = Image.new("L", (width, height))
        ImageDraw.Draw(picture).ellipse([width * 0.3, height * 0.25, width * 0.8, height * 0.7], fill=255)
        return picture

    inputs = FIXTURES / "inputs"
    hills(67, 51).save(inputs / "hills-67x51.png", optimize=True)
    hills(70, 53).save(inputs / "hills-70x53.png", optimize=True)
    hills(70, 93).save(inputs / "hills-70x93.png", optimize=True)
    mask(64, 64).save(inputs / "mask-64x64.png", optimize=True)
    mask(100, 80).save(inputs / "mask-100x80.png", optimize=True)
    x = np.linspace(0, 255, 64)[None].repeat(64, 0)
    Image.fromarray(x.astype(np.uint8)).save(inputs / "soft-64x64.png", optimize=True)
    edges = Image.new("RGB", (64, 64))
    ImageDraw.Draw(edges).ellipse([12, 16, 48, 52], outline=(255, 255, 255), width=2)
    edges.save(inputs / "edges-64x64.png", optimize=True)
    bars = Image.new("RGB", (100, 80))
    for i in range(0, 100, 20):
        ImageDraw.Draw(bars).rectangle([i, 0, i + 9, 79], fill=(40 + i, 200 - i, 90))
    bars.save(inputs / "bars-100x80.png", optimize=True)
    # More than 1024 x 1024 pixels: FLUX.2 makes it smaller before it looks at it.
    y, x = np.mgrid[0:912, 0:1200]
    bands = np.stack([np.where((x + y) // 60 % 2, 200, 40), np.where(x // 100 % 2, 90, 170), y * 220 // 912], -1)
    Image.fromarray(bands.astype(np.uint8)).save(inputs / "bands-1200x912.png", optimize=True)


def read(name: str, mode: str = "RGB") -> Image.Image:
    return Image.open(FIXTURES / name).convert(mode)


# ---- runs

#: torch's GroupNorm loses digits over a million numbers: in float32 diffusers' encoder ends .024 of a deviation away from what
#: it makes of such a picture in float64.
IN_FLOAT64 = "-edit-large"


def open_pipeline(request: dict, dtype: torch.dtype):
    folder = FIXTURES / request["model"]
    variant = {"variant": "fp16"} if any(folder.rglob("*.fp16.*")) else {}
    index = json.loads((folder / "model_index.json").read_text())
    absent = {} if "text_encoder_3" not in index or index["text_encoder_3"][0] else {"text_encoder_3": None, "tokenizer_3": None}
    whole = d.DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, **variant, **absent)
    parts = {k: v for k, v in whole.components.items() if k not in ("feature_extractor", "image_encoder", "safety_checker")}
    kind = "inpaint" if "mask_image" in request else "img2img" if "image" in request else "txt2img"
    if "reference_images" in request and kind == "txt2img":
        kind = "edit"
    if request.get("controls"):
        kind = f"control-{kind}"
        nets = [
            d.ControlNetModel.from_pretrained(FIXTURES / control["controlnet"], torch_dtype=torch.float32)
            for control in request["controls"]
        ]
        parts["controlnet"] = nets if len(nets) > 1 else nets[0]
    scheduler, options = CLASSES[request["sampler"]]
    options = {**options, **SCHEDULES[request["schedule"]], **request.get("scheduler_config", {})}
    parts["scheduler"] = scheduler.from_config(whole.scheduler.config, **options)
    pipeline_class = PIPELINES[type(whole).__name__][kind]
    extra = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    extra["is_distilled"] = index.get("is_distilled", False)
    known = pipeline_class.__init__.__code__.co_varnames
    pipeline = pipeline_class(**parts, **{k: v for k, v in extra.items() if k in known})
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(dtype)


def run(request: dict, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, list[Image.Image]]:
    pipeline = open_pipeline(request, dtype)
    latents = []

    def keep(_pipeline, _step, _timestep, tensors):
        latents.append(tensors["latents"].detach().clone())
        return tensors

    count = request.get("num_images", 1)
    arguments = {
        **{k: request[k] for k in ("prompt", "negative_prompt", "prompt_2", "prompt_3", "negative_prompt_2", "negative_prompt_3",
           "num_inference_steps", "guidance_scale", "guidance_rescale", "eta", "clip_skip", "max_sequence_length", "original_size",
           "crops_coords_top_left", "target_size", "guess_mode", "strength") if k in request},
        "num_images_per_prompt": count,
        "generator": [torch.Generator().manual_seed((request["seed"] + i) % 2**32) for i in range(count)],
        "callback_on_step_end": keep,
    }  # fmt: skip
    if count == 1:
        arguments["generator"] = arguments["generator"][0]
    if "Consistency" in type(pipeline).__name__:
        arguments.pop("negative_prompt", None)
    is_klein = type(pipeline).__name__.startswith("Flux2Klein")
    if is_klein:  # it takes the negative prompt encoded
        negative, _ = pipeline.encode_prompt(arguments.pop("negative_prompt", ""))
        arguments["negative_prompt_embeds"] = negative
    if "reference_images" in request:
        references = [read(name) for name in request["reference_images"]]
        arguments["image_reference" if "image" in request else "image"] = references
    size = {key: request[key] for key in ("width", "height") if key in request}
    if "image" in request:
        arguments["image"] = read(request["image"])
    if "mask_image" in request:
        mask = read(request["mask_image"], "L")
        blur = request.get("mask_blur", 0)
        arguments["mask_image"] = pipeline.mask_processor.blur(mask, blur) if blur else mask
        if "only_masked_padding" in request:
            arguments["padding_mask_crop"] = request["only_masked_padding"]
    if "mask_image" in request or "image" not in request or request.get("controls") or type(pipeline).__name__.startswith(("Flux", "ZImage")):
        arguments |= size
    if request.get("controls"):
        pictures = [read(control["image"]) for control in request["controls"]]
        several = len(pictures) > 1
        arguments["control_image" if "image" in request else "image"] = pictures if several else pictures[0]
        for name, key, default in (
            ("controlnet_conditioning_scale", "scale", 1.0),
            ("control_guidance_start", "start", 0.0),
            ("control_guidance_end", "end", 1.0),
        ):
            values = [float(control.get(key, default)) for control in request["controls"]]
            arguments[name] = values if several else values[0]
    pictures = pipeline(**arguments).images
    if is_klein:
        width, height = pictures[0].size
        scale = 2 * pipeline.vae_scale_factor
        latents.append(latents[-1].transpose(1, 2).reshape(count, -1, height // scale, width // scale))
    elif "Flux" in type(pipeline).__name__:
        latents.append(pipeline._unpack_latents(latents[-1], size["height"], size["width"], pipeline.vae_scale_factor))
    return latents[-1], pictures


def drift(request: dict, latents: torch.Tensor) -> float:
    exact, _ = run_in_float64(request)
    return float((exact - latents).abs().max() / latents.std())


def run_in_float64(request: dict) -> tuple[torch.Tensor, list[Image.Image]]:
    # Noise is drawn in the latents' own type: float64 noise from the same seed is another picture.
    draw = torch.randn

    def draw_float32(*size, dtype=None, **options):
        return draw(*size, dtype=torch.float32, **options).to(dtype or torch.float32)

    torch.randn = draw_float32
    try:
        return run(request, torch.float64)
    finally:
        torch.randn = draw


def main(wanted: list[str]) -> None:
    folder = FIXTURES / "pipelines"
    folder.mkdir(exist_ok=True)
    make_inputs()
    manifest = FIXTURES / "pipelines.json"
    known = {} if not manifest.exists() else {case["name"]: case for case in json.loads(manifest.read_text())}
    cases = []
    for name, request in requests().items():
        if wanted and not any(part in name for part in wanted):
            if name in known:
                cases.append(known[name])
            continue
        latents, pictures = (run_in_float64 if name.endswith(IN_FLOAT64) else run)(request)
        if not torch.isfinite(latents).all():
            print(name, "IS NOT FINITE")
            continue
        files = {"latents": f"pipelines/{name}.npy", "pictures": [f"pipelines/{name}-{i}.png" for i in range(len(pictures))]}
        np.save(FIXTURES / files["latents"], np.ascontiguousarray(latents.float().numpy()))
        for picture, file in zip(pictures, files["pictures"], strict=True):
            picture.save(FIXTURES / file, optimize=True)
        case = {"name": name, "request": request, "files": files}
        if name.startswith("sampler-"):
            case["drift"] = round(drift(request, latents), 7)
        levels = np.asarray(pictures[0])
        print(name, f"latents std {latents.std():.3f}, picture {levels.mean():.0f} +- {levels.std():.0f}", case.get("drift", ""))
        cases.append(case)
    manifest.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    d.utils.logging.set_verbosity_error()
    d.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    main(sys.argv[1:])
