"""The requests of make_pipelines.py, and the classes of diffusers that carry them out."""

import json

import diffusers as d
from make_pictures import FIXTURES, NEGATIVE, PROMPT

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
    "FluxPipeline": {
        "txt2img": d.FluxPipeline,
        "img2img": d.FluxImg2ImgPipeline,
        "inpaint": d.FluxInpaintPipeline,
    },
    "ZImagePipeline": {
        "txt2img": d.ZImagePipeline,
        "img2img": d.ZImageImg2ImgPipeline,
        "inpaint": d.ZImageInpaintPipeline,
    },
    "Flux2KleinPipeline": {
        "txt2img": d.Flux2KleinPipeline,
        "edit": d.Flux2KleinPipeline,
        "inpaint": d.Flux2KleinInpaintPipeline,
    },
    "LatentConsistencyModelPipeline": {
        "txt2img": d.LatentConsistencyModelPipeline,
        "img2img": d.LatentConsistencyModelImg2ImgPipeline,
        # It has none of its own.
        "inpaint": d.StableDiffusionInpaintPipeline,
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


HILLS = "inputs/hills-70x93.png"
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
        is_flow = any(name in kind for name in ("3", "Flux", "ZImage"))
        sampler = {"sampler": "flow_euler"} if is_flow else {"sampler": "lcm"} if "Consistency" in kind else {}
        denoiser = folder / ("transformer" if is_flow else "unet") / "config.json"
        config = json.loads(denoiser.read_text())
        wide = {"width": 96, "height": 64} if is_flow else {"width": 104, "height": 72}
        inpaints = "inpaint" in PIPELINES[kind] and "Consistency" not in kind
        only_inpaints = config["in_channels"] == 9
        if not only_inpaints:
            requests[f"{model}-txt2img"] = base(model, **sampler)
            requests[f"{model}-txt2img-wide"] = base(model, **sampler, **wide, seed=42)
            requests[f"{model}-txt2img-seed-last"] = base(model, **sampler, seed=2**32 - 1, guidance_scale=1)
            requests[f"{model}-txt2img-two"] = base(model, **sampler, num_images=2, seed=7)
        if "edit" in PIPELINES[kind]:
            edit = lambda *pictures, **more: without(base(model, **sampler, reference_images=list(pictures), **more), "width", "height")
            requests[f"{model}-edit"] = edit(HILLS, seed=42)
            requests[f"{model}-edit-two"] = edit("inputs/bars-100x80.png", HILLS, seed=3)
            requests[f"{model}-edit-sized"] = edit(HILLS, num_images=2, seed=4) | {"width": 96, "height": 64}
            if kind == "Flux2KleinPipeline" and not model.endswith("-base"):
                large = edit("inputs/bands-1200x912.png", num_inference_steps=2, seed=5)
                requests[f"{model}-edit-large"] = large | {"width": 96, "height": 64}
            requests[f"{model}-inpaint-reference"] = base(
                model, **sampler, **START, **MASK, reference_images=["inputs/bars-100x80.png"], strength=0.8, seed=6
            )
        elif not only_inpaints:
            requests[f"{model}-img2img"] = base(model, **sampler, **START, strength=0.6, seed=42)
            requests[f"{model}-img2img-whole"] = base(model, **sampler, **START, strength=1)
        if inpaints:
            for strength in (0.6, 1):
                name = f"{model}-inpaint-{strength}"
                requests[name] = base(model, **sampler, **START, **MASK, strength=strength, seed=42)
            if "ZImage" in kind or "Flux2" in kind:  # its pipeline neither fits the picture to the size nor has a padding_mask_crop
                continue
            requests[f"{model}-inpaint-wide"] = base(
                model, **sampler, **START, **MASK, width=96, height=64, strength=0.8, seed=3
            )
            requests[f"{model}-inpaint-ddim"] = base(
                model, **START, **MASK, strength=0.8, seed=1, **(sampler if is_flow else {"sampler": "ddim", "eta": 0.5})
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


def mixed_requests() -> dict[str, dict]:
    """Samplers of several calls a step, of history and of noise, where part of a picture is kept."""
    half = {**START, "strength": 0.5}
    masked = {**START, **MASK, "strength": 0.7}
    return {
        "mixed-sd21-inpaint-heun": base("tiny-sd21", **masked, sampler="heun", seed=1),
        "mixed-sd21-inpaint-pndm": base("tiny-sd21", **masked, sampler="pndm", seed=2),
        "mixed-sd15-inpaint-dpm2_a": base("tiny-sd15", **masked, sampler="dpm2_a", seed=3),
        "mixed-sd15-inpaint-sde-karras": base("tiny-sd15", **masked, sampler="dpmpp_2m_sde", schedule="karras"),
        "mixed-sd15-inpaint-lms-two": base("tiny-sd15", **masked, sampler="lms", guidance_scale=1),
        "mixed-sd15-control-pndm": base("tiny-sd15", controls=[control("sd15-canny", end=0.5)], sampler="pndm", num_inference_steps=8),
        "mixed-sdxl-inpaint-unipc": base("tiny-sdxl", **masked, sampler="unipc", seed=4),
        "mixed-sdxl-inpaint-usual": base("tiny-sdxl", **START, **MASK, num_inference_steps=8),
        "mixed-sdxl-img2img-heun": base("tiny-sdxl", **half, sampler="heun"),
        "mixed-sdxl-img2img-deis": base("tiny-sdxl", **half, sampler="deis", schedule="exponential"),
        "mixed-sdxl-lcm": base("tiny-sdxl", sampler="lcm", guidance_scale=0, num_inference_steps=4),
        "mixed-sdxl-tcd": base("tiny-sdxl", sampler="tcd", guidance_scale=0, eta=0.3, num_inference_steps=4),
        "mixed-sdxl-trailing": base(
            "tiny-sdxl", guidance_scale=0, num_inference_steps=1, scheduler_config={"timestep_spacing": "trailing"}
        ),  # fmt: skip
        "mixed-sd3-img2img-heun": base("tiny-sd3", **START, strength=0.45, sampler="flow_heun"),
        "mixed-sd35-inpaint-heun": base("tiny-sd35-medium", **masked, sampler="flow_heun"),
        "mixed-lcm-inpaint": base("tiny-lcm", **masked, sampler="lcm"),
        "mixed-lcm-inpaint-ddim": base("tiny-lcm", **masked, sampler="ddim"),
        "mixed-lcm-img2img-few": base("tiny-lcm", **START, strength=0.2, sampler="lcm", num_inference_steps=3),
    }


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
        "z-image-without-guidance": base("tiny-z-image", sampler="flow_euler", guidance_scale=0, num_inference_steps=4),
        "z-image-long": without(base("tiny-z-image", sampler="flow_euler", prompt="a red mug on a table by the sea. " * 90, num_inference_steps=3), "negative_prompt"),
        "z-image-short": base("tiny-z-image", sampler="flow_euler", prompt="mug", max_sequence_length=48, guidance_scale=2.5),
        "flux-dev-guidance": base("tiny-flux-dev", sampler="flow_euler", guidance_scale=1.5, max_sequence_length=64, prompt_2="a blue boat"),
        "flux-dev-karras": base("tiny-flux-dev", sampler="flow_euler", schedule="karras"),
        "flux-schnell-four": base("tiny-flux-schnell", sampler="flow_euler", num_inference_steps=4, guidance_scale=0),
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
    return {**family_requests(), **control_requests(), **mixed_requests(), **axis_requests(), **sampler_requests()}
