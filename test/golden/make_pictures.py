"""Makes fixtures/manifest.json, inputs, components and pictures from the models of fixtures/models, with diffusers.

    python make_pictures.py

Float32 on CPU. `components` are single calls (tokenizer, text encoder, UNet, VAE); `pictures` are whole pipelines:
the request in the fields of `darkroom imagine --request` (files relative to the manifest), the final latents before
the VAE as .npy [1, C, h, w], and the picture.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

FIXTURES = Path(__file__).parent / "fixtures"
SCHEDULERS = {
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}
PROMPT, NEGATIVE = "a red mug on a table, watercolor", "blurry, low quality"


def save(name: str, tensor) -> str:
    array = np.ascontiguousarray(tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else tensor)
    np.save(FIXTURES / name, array)
    return name


def open_pipeline(model: str):
    folder = FIXTURES / "models" / model
    variant = {"variant": "fp16"} if any(folder.rglob("*.fp16.*")) else {}
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, **variant)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_inputs() -> None:
    """Pictures whose sides the models take as they stand, so that no resampling blurs the comparison."""
    for name, width, height in (("hills-64x64.png", 64, 64), ("hills-96x64.png", 96, 64)):
        y, x = np.mgrid[0:height, 0:width]
        sky = np.stack([120 + y, 160 + y // 2, 230 - y], -1)
        hills = np.stack([40 + x, 110 + x // 2, 50 + y // 2], -1)
        picture = np.where((y > height / 2 + 8 * np.sin(x / 9.0))[..., None], hills, sky)
        picture[8:20, 8:20] = (250, 220, 60)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(FIXTURES / "inputs" / name, optimize=True)


@torch.no_grad()
def make_components(model: str, pipeline) -> list[dict]:
    generator = torch.Generator().manual_seed(1)
    cases = []

    def case(component: str, name: str, inputs: dict, outputs: dict) -> None:
        stem = f"components/{model}-{name}"
        files = {
            kind: {key: save(f"{stem}-{key}.npy", value) for key, value in tensors.items()}
            for kind, tensors in (("inputs", inputs), ("outputs", outputs))
        }
        cases.append({"model": model, "component": component, "name": name, **files})

    prompts = [PROMPT, "", "Wow!! Zwölf  Bücher & 3 caf\u00e9s \U0001f308 don't", " ".join(["tall tree"] * 50)]
    ids = pipeline.tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    cases.append({"model": model, "component": "tokenizer", "name": "prompts", "prompts": prompts, "input_ids": ids.tolist()})
    text = pipeline.text_encoder(ids[:2], output_hidden_states=True)
    hidden = {f"hidden_states.{i}": h for i, h in enumerate(text.hidden_states)}
    case(
        "text_encoder", "text", {"input_ids": ids[:2]},
        {"last_hidden_state": text.last_hidden_state, "pooler_output": text.pooler_output, **hidden},
    )  # fmt: skip
    for name, batch, height, width, timestep in (("unet", 2, 16, 16, 981.0), ("unet-odd", 1, 10, 14, 499.5)):
        sample = torch.randn(batch, 4, height, width, generator=generator)
        context = text.last_hidden_state[:batch]
        out = pipeline.unet(sample, torch.tensor(timestep), context).sample
        case(
            "unet", name, {"sample": sample, "timestep": np.float32([timestep]), "encoder_hidden_states": context},
            {"out_sample": out},
        )  # fmt: skip
    image = torch.rand(1, 3, 32, 48, generator=generator) * 2 - 1
    moments = pipeline.vae.encode(image).latent_dist.parameters
    case("vae_encoder", "vae-encoder", {"sample": image}, {"latent_parameters": moments})
    latents = moments[:, :4] + 0.5 * torch.randn(moments[:, :4].shape, generator=generator) / pipeline.vae.config.scaling_factor
    case("vae_decoder", "vae-decoder", {"latent_sample": latents}, {"sample": pipeline.vae.decode(latents).sample})
    return cases


def picture_requests(model: str) -> list[dict]:
    """Every sampler with both schedules, then the axes one at a time."""
    base = {
        "model": f"models/{model}", "prompt": PROMPT, "negative_prompt": NEGATIVE, "prompt_syntax": "plain",
        "width": 64, "height": 64, "num_inference_steps": 8, "guidance_scale": 5, "seed": 0, "sampler": "euler",
        "schedule": "normal",
    }  # fmt: skip
    start = {"image": "inputs/hills-64x64.png", "strength": 0.75}
    wide = {"width": 96, "height": 64}
    trailing = {"scheduler_config": {"timestep_spacing": "trailing"}}
    changes = [{"sampler": s} for s in SCHEDULERS]
    changes += [{"sampler": s, "schedule": "karras"} for s in ("euler", "dpmpp_2m")]
    if model == "tiny-sd15":
        changes += [{"sampler": s, **start} for s in SCHEDULERS]
    changes += [
        {"sampler": "ddim", "eta": 0.7, "seed": 42},
        {"sampler": "ddim", "seed": 2**32 - 1, "guidance_scale": 7.5, **trailing},
        {"sampler": "euler_a", "seed": 42, **wide},
        {"sampler": "dpmpp_2m", "seed": 2**32 - 1, "guidance_scale": 1, "num_inference_steps": 20},
        {"sampler": "euler", "seed": 42, "guidance_scale": 7.5, "guidance_rescale": 0.7, "negative_prompt": ""},
        {"sampler": "dpmpp_2m", "seed": 42, **wide, **start, "image": "inputs/hills-96x64.png", "strength": 0.4},
        {"sampler": "euler", "seed": 2**32 - 1, **start, "strength": 1.0},
    ]
    if model == "tiny-sd21":
        changes += [
            {"sampler": "ddim", "guidance_scale": 7.5, "guidance_rescale": 0.7, "scheduler_config": {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}},
            {"sampler": "euler_a", "guidance_scale": 7.5, "scheduler_config": {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}},
        ]  # fmt: skip
    return [{**base, **change} for change in changes]


def run(pipeline, request: dict):
    config = {**request.get("scheduler_config", {})}
    if request["schedule"] == "karras":
        config["use_karras_sigmas"] = True
    parts = dict(pipeline.components)
    parts["scheduler"] = SCHEDULERS[request["sampler"]].from_config(pipeline.scheduler.config, **config)
    arguments = {
        "prompt": request["prompt"],
        "negative_prompt": request["negative_prompt"],
        "num_inference_steps": request["num_inference_steps"],
        "guidance_scale": request["guidance_scale"],
        "eta": request.get("eta", 0.0),
        "generator": torch.Generator().manual_seed(request["seed"]),
    }
    latents = []

    def keep(_pipeline, _step, _timestep, tensors):
        latents.append(tensors["latents"].clone())
        return tensors

    if "image" in request:
        runner = StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False)
        arguments |= {"image": Image.open(FIXTURES / request["image"]), "strength": request["strength"]}
    else:
        runner = StableDiffusionPipeline(**parts, requires_safety_checker=False)
        arguments |= {"width": request["width"], "height": request["height"]}
        arguments["guidance_rescale"] = request.get("guidance_rescale", 0.0)
    runner.set_progress_bar_config(disable=True)
    picture = runner(**arguments, callback_on_step_end=keep).images[0]
    return latents[-1], picture


def main() -> None:
    for folder in ("inputs", "components", "pictures"):
        shutil.rmtree(FIXTURES / folder, ignore_errors=True)
        (FIXTURES / folder).mkdir()
    make_inputs()
    manifest = {"components": [], "pictures": []}
    for model in ("tiny-sd15", "tiny-sd21"):
        pipeline = open_pipeline(model)
        manifest["components"] += make_components(model, pipeline)
        for number, request in enumerate(picture_requests(model)):
            kind = "img2img" if "image" in request else "txt2img"
            schedule = "-karras" if request["schedule"] == "karras" else ""
            name = f"{model}-{number:02d}-{kind}-{request['sampler']}{schedule}"
            latents, picture = run(pipeline, request)
            assert torch.isfinite(latents).all()
            print(name, f"latents std {latents.std():.3f}, picture {np.asarray(picture).mean():.0f} +- {np.asarray(picture).std():.0f}")
            picture.save(FIXTURES / "pictures" / f"{name}.png", optimize=True)
            files = {"latents": save(f"pictures/{name}.npy", latents), "picture": f"pictures/{name}.png"}
            manifest["pictures"].append({"name": name, "request": request, "files": files})
    (FIXTURES / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
