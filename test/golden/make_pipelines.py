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
from pathlib import Path

import diffusers as d
import numpy as np
import torch
from make_pictures import FIXTURES, NEGATIVE, PROMPT
from PIL import Image, ImageDraw

MODELS = FIXTURES / "models"
CLASSES = {
    "ddim": (d.DDIMScheduler, {}),
    "ddpm": (d.DDPMScheduler, {}),
    "pndm": (d.PNDMScheduler, {"skip_prk_steps": True}),
    "lms": (d.LMSDiscreteScheduler, {}),
    "euler": (d.EulerDiscreteScheduler, {}),
    "euler_a": (d.EulerAncestralDiscreteScheduler, {}),
    "heun": (d.HeunDiscreteScheduler, {}),
    "dpm2": (d.KDPM2DiscreteScheduler, {}),
    "dpm2_a": (d.KDPM2AncestralDiscreteScheduler, {}),
    "dpmpp_2m": (d.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_sde": (d.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_3m_sde": (d.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++", "solver_order": 3}),
    "dpmpp_2s": (d.DPMSolverSinglestepScheduler, {}),
    "unipc": (d.UniPCMultistepScheduler, {}),
    "deis": (d.DEISMultistepScheduler, {}),
    "lcm": (d.LCMScheduler, {}),
    "tcd": (d.TCDScheduler, {}),
    "flow_euler": (d.FlowMatchEulerDiscreteScheduler, {}),
    "flow_heun": (d.FlowMatchHeunDiscreteScheduler, {}),
}
SCHEDULES = {"normal": {}, "karras": {"use_karras_sigmas": True}, "exponential": {"use_exponential_sigmas": True},
             "beta": {"use_beta_sigmas": True}}  # fmt: skip
PIPELINES = {
    "StableDiffusionPipeline": {
        "txt2img": d.StableDiffusionPipeline,
        "img2img": d.StableDiffusionImg2ImgPipeline,
        "inpaint": d.StableDiffusionInpaintPipeline,
        "control-txt2img": d.StableDiffusionControlNetPipeline,
        "control-img2img": d.StableDiffusionControlNetImg2ImgPipeline,
        "control-inpaint": d.StableDiffusionControlNetInpaintPipeline,
    },
    "StableDiffusionXLPipeline": {
        "txt2img": d.StableDiffusionXLPipeline,
        "img2img": d.StableDiffusionXLImg2ImgPipeline,
        "inpaint": d.StableDiffusionXLInpaintPipeline,
        "control-txt2img": d.StableDiffusionXLControlNetPipeline,
        "control-img2img": d.StableDiffusionXLControlNetImg2ImgPipeline,
        "control-inpaint": d.StableDiffusionXLControlNetInpaintPipeline,
    },
    "StableDiffusion3Pipeline": {
        "txt2img": d.StableDiffusion3Pipeline,
        "img2img": d.StableDiffusion3Img2ImgPipeline,
        "inpaint": d.StableDiffusion3InpaintPipeline,
    },
    "LatentConsistencyModelPipeline": {
        "txt2img": d.LatentConsistencyModelPipeline,
        "img2img": d.LatentConsistencyModelImg2ImgPipeline,
    },
}
PIPELINES["StableDiffusionInpaintPipeline"] = PIPELINES["StableDiffusionPipeline"]
PIPELINES["StableDiffusionXLInpaintPipeline"] = PIPELINES["StableDiffusionXLPipeline"]


# ---- requests


def base(model: str, **changes) -> dict:
    return {
        "model": f"models/{model}", "prompt": PROMPT, "negative_prompt": NEGATIVE, "prompt_syntax": "plain",
        "width": 64, "height": 64, "num_inference_steps": 6, "guidance_scale": 5, "seed": 0, "sampler": "euler",
        "schedule": "normal", **changes,
    }  # fmt: skip


def without(request: dict, *keys: str) -> dict:
    return {key: value for key, value in request.items() if key not in keys}


def sampler_requests() -> dict[str, dict]:
    """Every sampler with every spacing, and every schedule where the class knows it, at 32x40 pixels of tiny-sd15."""
    requests = {}
    small = {"width": 40, "height": 32, "num_inference_steps": 7}
    for sampler, (kind, _) in CLASSES.items():
        known = kind.__init__.__wrapped__.__code__.co_varnames if hasattr(kind.__init__, "__wrapped__") else ()
        if sampler.startswith("flow"):
            continue
        spacings = ["leading", "linspace", "trailing"] if "timestep_spacing" in known else [None]
        for spacing in spacings:
            config = {} if spacing is None else {"scheduler_config": {"timestep_spacing": spacing}}
            requests[f"sampler-{sampler}-{spacing or 'own'}"] = base("tiny-sd15", sampler=sampler, **small, **config)
        for schedule, options in SCHEDULES.items():
            if options and next(iter(options)) in known:
                requests[f"sampler-{sampler}-{schedule}"] = base("tiny-sd15", sampler=sampler, schedule=schedule, **small)
    return requests


START = {"image": "inputs/hills-64x64.png"}
MASK = {"mask_image": "inputs/mask-64x64.png"}
def control(net: str, picture: str = "edges-64x64.png", **more) -> dict:
    return {"kind": "raw", "controlnet": f"controlnets/{net}", "image": f"inputs/{picture}", **more}


def family_requests() -> dict[str, dict]:
    """Every family through every pipeline it has."""
    requests = {}
    for folder in sorted(MODELS.iterdir()):
        if not (folder / "model_index.json").exists():
            continue
        model = folder.name
        kind = json.loads((folder / "model_index.json").read_text())["_class_name"]
        sampler = {"sampler": "flow_euler"} if "3" in kind else {"sampler": "lcm"} if "Consistency" in kind else {}
        denoiser = folder / ("transformer" if "3" in kind else "unet") / "config.json"
        config = json.loads(denoiser.read_text())
        wide = {"width": 104, "height": 72} if "3" not in kind else {"width": 96, "height": 64}
        inpaints = "inpaint" in PIPELINES[kind]
        only_inpaints = config["in_channels"] == 9
        if not only_inpaints:
            requests[f"{model}-txt2img"] = base(model, **sampler)
            requests[f"{model}-txt2img-wide"] = base(model, **sampler, **wide, seed=42)
            requests[f"{model}-txt2img-seed-last"] = base(model, **sampler, seed=2**32 - 1, guidance_scale=1)
            requests[f"{model}-txt2img-two"] = base(model, **sampler, num_images=2, seed=7)
            requests[f"{model}-img2img"] = base(model, **sampler, **START, strength=0.6, seed=42)
            requests[f"{model}-img2img-whole"] = base(model, **sampler, **START, strength=1)
        if inpaints:
            for strength in (0.6, 1):
                name = f"{model}-inpaint-{strength}"
                requests[name] = base(model, **sampler, **START, **MASK, strength=strength, seed=42)
            requests[f"{model}-inpaint-wide"] = base(
                model, **sampler, **START, **MASK, width=96, height=64, strength=0.8, seed=3
            )
            requests[f"{model}-inpaint-ddim"] = base(
                model, **START, **MASK, strength=0.8, seed=1, **(sampler if "3" in kind else {"sampler": "ddim", "eta": 0.5})
            )
            requests[f"{model}-inpaint-only-masked"] = base(
                model, **sampler, **START, **MASK, strength=0.8, only_masked_padding=4, seed=5
            )
    return requests


def control_requests() -> dict[str, dict]:
    """ControlNets with every pipeline that takes them: scales, windows, several at once, guess mode."""
    edges, pose = control("sd15-canny", scale=0.8), control("sd15-pose", "bars-100x80.png", scale=1.2, start=0.2, end=0.7)
    requests = {
        "sd15-control": base("tiny-sd15", controls=[edges], seed=42),
        "sd15-control-wide": base("tiny-sd15", controls=[control("sd15-canny")], width=104, height=72),
        "sd15-control-window": base("tiny-sd15", controls=[pose], sampler="ddim", seed=2**32 - 1),
        "sd15-control-heun": base("tiny-sd15", controls=[pose], sampler="heun"),
        "sd15-control-two": base("tiny-sd15", controls=[edges, pose], num_inference_steps=8),
        "sd15-control-two-images": base("tiny-sd15", controls=[edges], num_images=2, seed=5),
        "sd15-control-zero": base("tiny-sd15", controls=[{**edges, "scale": 0.0}]),
        "sd15-control-guess": base("tiny-sd15", controls=[edges], guess_mode=True),
        "sd15-control-guess-alone": base("tiny-sd15", controls=[edges], guess_mode=True, guidance_scale=1),
        "sd15-control-guess-two": base("tiny-sd15", controls=[edges, pose], guess_mode=True),
        "sd15-control-img2img": base("tiny-sd15", **START, strength=0.7, controls=[edges], seed=3),
        "sd15-control-img2img-resized": base(
            "tiny-sd15", image="inputs/hills-67x51.png", width=72, height=64, strength=0.7, controls=[pose]
        ),
        "sd15-control-inpaint": base("tiny-sd15", **START, **MASK, strength=0.7, controls=[edges, pose], seed=3),
        "sd15-control-inpaint-pure": base("tiny-sd15", **START, **MASK, strength=1, controls=[edges]),
        "sd15-control-inpaint-only-masked": base(
            "tiny-sd15", **START, **MASK, strength=0.7, controls=[edges], only_masked_padding=6
        ),
    }
    requests["inpaint-control"] = base("tiny-inpaint", **START, **MASK, strength=0.8, controls=[control("inpaint-canny")])
    requests["inpaint-control-guess"] = base(
        "tiny-inpaint", **START, **MASK, strength=1, controls=[control("inpaint-canny", end=0.6)], guess_mode=True
    )
    xl = control("sdxl-canny", scale=0.9)
    requests |= {
        "sdxl-control": base("tiny-sdxl", controls=[xl], seed=42),
        "sdxl-control-two": base("tiny-sdxl", controls=[xl, control("sdxl-canny", "bars-100x80.png", end=0.5)]),
        "sdxl-control-guess": base("tiny-sdxl", controls=[xl], guess_mode=True),
        "sdxl-control-img2img": base("tiny-sdxl", **START, strength=0.7, controls=[xl]),
        "sdxl-control-inpaint": base("tiny-sdxl", **START, **MASK, strength=0.7, controls=[xl]),
    }
    return requests


def axis_requests() -> dict[str, dict]:
    return {
        "sdxl-sizes": base(
            "tiny-sdxl", original_size=[512, 384], crops_coords_top_left=[8, 24], target_size=[96, 80], seed=11
        ),  # fmt: skip
        "sdxl-no-negative": without(base("tiny-sdxl"), "negative_prompt"),
        "sdxl-empty-negative": base("tiny-sdxl", negative_prompt=""),
        "sdxl-guidance-0": base("tiny-sdxl", guidance_scale=0),
        "sdxl-prompts": base(
            "tiny-sdxl", prompt_2="a blue boat", negative_prompt_2="text, watermark", clip_skip=1, guidance_rescale=0.5
        ),
        "sd3-prompts": base(
            "tiny-sd3", sampler="flow_euler", prompt_2="a blue boat", prompt_3="a house by the sea", negative_prompt_3="text",
            max_sequence_length=64,
        ),  # fmt: skip
        "sd3-heun": base("tiny-sd3", sampler="flow_heun"),
        "lcm-guidance-1": base("tiny-lcm", sampler="lcm", guidance_scale=1, num_inference_steps=4),
        "sd15-guidance-0": base("tiny-sd15", guidance_scale=0),
        "sd21-rescale": base("tiny-sd21", guidance_rescale=0.7, guidance_scale=7.5),
        "sd21-zero-snr": base(
            "tiny-sd21", sampler="ddim", guidance_rescale=0.7,
            scheduler_config={"timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
        ),  # fmt: skip
        "sd15-odd-picture": without(
            base("tiny-sd15", image="inputs/hills-70x53.png", strength=0.7), "width", "height"
        ),
        "sd3-strength-in-part": base("tiny-sd3", sampler="flow_euler", **START, strength=0.1),
        "sd15-inpaint-resized": base(
            "tiny-sd15", image="inputs/hills-67x51.png", mask_image="inputs/mask-100x80.png", strength=0.75, seed=9
        ),
        "sd15-inpaint-soft-mask": base("tiny-sd15", **START, mask_image="inputs/soft-64x64.png", strength=0.75),
        "sd15-inpaint-blurred": base("tiny-sd15", **START, **MASK, mask_blur=3, only_masked_padding=0, strength=0.75),
    }


def requests() -> dict[str, dict]:
    return {**family_requests(), **control_requests(), **axis_requests(), **sampler_requests()}


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


def read(name: str, mode: str = "RGB") -> Image.Image:
    return Image.open(FIXTURES / name).convert(mode)


# ---- runs


def open_pipeline(request: dict, dtype: torch.dtype):
    folder = FIXTURES / request["model"]
    variant = {"variant": "fp16"} if any(folder.rglob("*.fp16.*")) else {}
    index = json.loads((folder / "model_index.json").read_text())
    absent = {} if "3" not in index["_class_name"] or index["text_encoder_3"][0] else {"text_encoder_3": None, "tokenizer_3": None}
    whole = d.DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, **variant, **absent)
    parts = {k: v for k, v in whole.components.items() if k not in ("feature_extractor", "image_encoder", "safety_checker")}
    kind = "inpaint" if "mask_image" in request else "img2img" if "image" in request else "txt2img"
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
    size = {key: request[key] for key in ("width", "height") if key in request}
    if "image" in request:
        arguments["image"] = read(request["image"])
    if "mask_image" in request:
        mask = read(request["mask_image"], "L")
        blur = request.get("mask_blur", 0)
        arguments["mask_image"] = pipeline.mask_processor.blur(mask, blur) if blur else mask
        if "only_masked_padding" in request:
            arguments["padding_mask_crop"] = request["only_masked_padding"]
    if "mask_image" in request or "image" not in request or request.get("controls"):
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
    return latents[-1], pictures


def drift(request: dict, latents: torch.Tensor) -> float:
    # Noise is drawn in the latents' own type: float64 noise from the same seed is another picture.
    draw = torch.randn

    def draw_float32(*size, dtype=None, **options):
        return draw(*size, dtype=torch.float32, **options).to(dtype or torch.float32)

    torch.randn = draw_float32
    try:
        exact, _ = run(request, torch.float64)
    finally:
        torch.randn = draw
    return float((exact - latents).abs().max() / latents.std())


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
        latents, pictures = run(request)
        if not torch.isfinite(latents).all():
            print(name, "IS NOT FINITE")
            continue
        files = {"latents": f"pipelines/{name}.npy", "pictures": [f"pipelines/{name}-{i}.png" for i in range(len(pictures))]}
        np.save(FIXTURES / files["latents"], np.ascontiguousarray(latents.numpy()))
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
