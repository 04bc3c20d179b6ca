"""From checkpoints to models/mini: `python export.py [FOLDER]` writes the diffusers folder, all weights in float16.

The averaged weights of the UNet and text encoder are taken, and the ControlNets and the upscaler where there are some;
what was not trained since stays as in start.pt.
"""
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file

import unet as unet_stage
import vae as vae_stage
import workers
from captions import caption
from controls import CONTROL
from pack import trained
from scenes import draw, random_scene
from text import new_text
from tokenizer import load_tokenizer
from upscaler import CONFIG as UPSCALER
from words import COLOURS, OBJECTS, PLACE_ALONE, PLACES, POSES, STYLE_OPENINGS, STYLES, TIMES

TARGET = Path(__file__).parents[1] / "models" / "mini"
GALLERY = Path(__file__).parent / "gallery.json"
DEFAULTS = {"num_inference_steps": 20, "guidance_scale": 5, "sampler": "dpmpp_2m", "schedule": "normal",
            "width": 256, "height": 256, "strength": .75, "max_size": 512}
# A quick draft, as the card of the model declares it.
DRAFT = {"num_inference_steps": 4, "guidance_scale": 2.5}
SCHEDULER = {
    "_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.42.1", **unet_stage.BETAS,
    "prediction_type": "v_prediction", "timestep_spacing": "trailing", "algorithm_type": "dpmsolver++",
    "solver_order": 2, "solver_type": "midpoint", "lower_order_final": True, "final_sigmas_type": "zero",
    "use_karras_sigmas": False, "rescale_betas_zero_snr": False, "steps_offset": 1, "thresholding": False, "clip_sample": False,
    "trained_betas": None}
INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1", "feature_extractor": [None, None],
    "image_encoder": [None, None], "requires_safety_checker": False, "safety_checker": [None, None],
    "scheduler": ["diffusers", "DPMSolverMultistepScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"]}


def write_json(path, value):
    """Write indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_weights(path, state):
    """Write a state dict as float16 safetensors."""
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state.items()}
    save_file(half, path, metadata={"format": "pt"})


def preview_factors(vae_state, count=200):
    """Least squares from a latent cell to the mean colour of its block: factors [8][3], bias [3], RGB in -1..1."""
    rng = np.random.default_rng(11)
    pictures = vae_stage.as_tensor([draw(random_scene(rng), rng) for _ in range(count)])
    latents = vae_stage.latents_of(vae_state, pictures).permute(0, 2, 3, 1).reshape(-1, vae_stage.CHANNELS)
    means = torch.nn.functional.avg_pool2d(pictures, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    cells = torch.cat([latents, torch.ones(len(latents), 1, device=latents.device)], 1)
    solution = torch.linalg.lstsq(cells, means).solution.cpu().numpy().astype(float).round(5)
    return {"factors": solution[:-1].tolist(), "bias": solution[-1].tolist()}


def word_list():
    """The words the model was taught, in groups."""
    phrases = lambda table: sorted({p for options in table.values() for p in options})
    nouns = [*OBJECTS, *phrases(OBJECTS), "dancer", "dress", "shirt"]
    return {"objects": nouns, "colours": list(COLOURS), "poses": list(POSES), "places": phrases(PLACES),
            "places_alone": phrases(PLACE_ALONE), "sides": ["on the left", "on the right", "in the middle"], "times": phrases(TIMES), "styles": phrases(STYLES),
            "style_openings": phrases(STYLE_OPENINGS)}


def vocabulary(captions=20_000):
    """Every word of the captions, as the grammar gives them."""
    rng = np.random.default_rng(12)
    texts = (caption(random_scene(rng), rng) for _ in range(captions))
    return sorted({word for text in texts for word in text.lower().replace(",", " ").split()})


def write_model(folder):
    """Write the whole model under `folder`."""
    vae, vae_state = vae_stage.load_vae()
    tokenizer_files = workers.HOME / "tokenizer"
    unet = UNet2DConditionModel(**unet_stage.CONFIG)
    text = new_text(load_tokenizer(tokenizer_files))
    unet_stage.load_average((unet, text))
    text.config.architectures = ["CLIPTextModel"]
    for name, module in (("vae", vae), ("unet", unet), ("text_encoder", text)):
        module.save_config(folder / name) if name != "text_encoder" else module.config.save_pretrained(folder / name)
    write_weights(folder / "vae/diffusion_pytorch_model.safetensors", vae_state["model"])
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", unet.state_dict())
    text_weights = text.state_dict()
    prefix = "" if next(iter(text_weights)).startswith("text_model.") else "text_model."
    write_weights(folder / "text_encoder/model.safetensors", {prefix + k: v for k, v in text_weights.items()})
    shutil.copytree(tokenizer_files, folder / "tokenizer")
    write_json(folder / "scheduler/scheduler_config.json", SCHEDULER)
    write_json(folder / "model_index.json", INDEX)
    gallery = json.loads(GALLERY.read_text()) if GALLERY.exists() else []
    write_json(folder / "darkroom.json", {"licence": "CC0-1.0", "commercial_use": True, "defaults": DEFAULTS, "draft": DRAFT, "latent_rgb": preview_factors(vae_state),
                                          "gallery": gallery, "words": word_list(),
                                          "vocabulary": vocabulary()})
    states = trained()
    for kind in ("canny", "openpose"):
        if kind in states:
            place = folder / "controlnets" / kind
            ControlNetModel(**CONTROL).save_config(place)
            write_weights(place / "diffusion_pytorch_model.safetensors", states[kind])
    if "upscaler" in states:
        write_json(folder / "upscaler" / "config.json", UPSCALER)
        write_weights(folder / "upscaler" / "model.safetensors", states["upscaler"])


def publish(target):
    """Write a fresh copy beside the target, then move its files into place one by one."""
    fresh = target.with_name(f".{target.name}-new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_model(fresh)
    for source in sorted(p for p in fresh.rglob("*") if p.is_file()):
        place = target / source.relative_to(fresh)
        place.parent.mkdir(parents=True, exist_ok=True)
        source.chmod(0o644)
        os.replace(source, place)
    shutil.rmtree(fresh)
    size = sum(p.stat().st_size for p in target.rglob("*") if p.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    publish(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
