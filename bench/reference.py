"""The reference's side of bench/engine.ts: one JSON request a line on stdin, one JSON answer a line on stdout.

{"open": FOLDER, "threads": N} | {"call": true} | {"draw": REQUEST, "scheduler": [CLASS, OPTIONS], "image": PNG or null}

An answer is {"error": TEXT} where the request failed, and a drawing {"rgb": null} where diffusers has no such way.
"""
import json
import sys
import time

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from PIL import Image

pipe = None


def open_model(folder, threads):
    global pipe
    torch.set_num_threads(threads)
    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return {}


@torch.no_grad()
def call():
    unet = pipe.unet
    side, width = unet.config.sample_size, unet.config.cross_attention_dim
    sample = torch.zeros(2, unet.config.in_channels, side, side)
    context = torch.zeros(2, pipe.tokenizer.model_max_length, width)
    started = time.perf_counter()
    unet(sample, torch.tensor([500.0]), encoder_hidden_states=context)
    return {"seconds": time.perf_counter() - started}


def draw(request, scheduler, image):
    name, options = scheduler
    made = getattr(diffusers, name).from_config(pipe.scheduler.config, **options)
    # IPNDMScheduler: diffusers starts from no picture with it.
    if image is not None and not hasattr(made, "add_noise"):
        return {"rgb": None}
    parts = pipe.components | {"scheduler": made}
    kind = StableDiffusionPipeline if image is None else StableDiffusionImg2ImgPipeline
    drawing = kind(**parts, requires_safety_checker=False)
    drawing.set_progress_bar_config(disable=True)
    given = {} if image is None else {"image": Image.open(image).convert("RGB"), "strength": request["strength"]}
    result = drawing(request["prompt"], num_inference_steps=request["num_inference_steps"],
                     guidance_scale=request["guidance_scale"],
                     generator=torch.Generator().manual_seed(request["seed"]), output_type="np", **given)
    rgb = np.round(result.images[0] * 255).astype(np.uint8)
    return {"rgb": rgb.tobytes().hex()}


for line in sys.stdin:
    message = json.loads(line)
    try:
        if "open" in message:
            answer = open_model(message["open"], message["threads"])
        elif "call" in message:
            answer = call()
        else:
            answer = draw(message["draw"], message["scheduler"], message["image"])
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
