"""The reference's side of bench/gpu.ts: diffusers in float16 with SDPA. One JSON request a line on stdin, one answer a line.

{"open": FOLDER, "kind": CLASS} | {"unet": SHAPES, "calls": N, "save": NPY or null} | {"vae": SHAPE, "calls": N}
{"picture": {"prompt", "steps", "guidance", "width", "height", "seed"}}

Seconds are on the clock, the card idle before and after.
"""
import copy
import io
import json
import math
import sys
import time

import diffusers
import numpy as np
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = torch.float16 if DEVICE == "cuda" else torch.float32
pipe = None


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def open_model(folder, kind):
    global pipe
    started = time.perf_counter()
    lacking = {"safety_checker": None, "feature_extractor": None} if kind == "StableDiffusionPipeline" else {}
    if "XL" in kind:
        lacking = {"add_watermarker": False}
    pipe = getattr(diffusers, kind).from_pretrained(folder, dtype=DTYPE, **lacking).to(DEVICE)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    wait()
    return {"seconds": time.perf_counter() - started, "torch": torch.__version__, "diffusers": diffusers.__version__}


def field(name, shape):
    """The same numbers in gpu-ours.ts."""
    if name == "timestep":
        return torch.full(shape, 500.0, device=DEVICE)
    values = ((np.arange(math.prod(shape)) % 101) / 50 - 1).astype(np.float32)
    return torch.from_numpy(values).reshape(shape).to(DEVICE)


def forward(unet, shapes, dtype):
    fields = {name: field(name, shape).to(torch.float32 if name == "timestep" else dtype) for name, shape in shapes.items()}
    added = {name: fields.pop(name) for name in ("text_embeds", "time_ids") if name in fields}
    if added:
        fields["added_cond_kwargs"] = added
    return lambda: unet(**fields).sample


def timed(calls, call):
    seconds = []
    for _ in range(calls):
        wait()
        started = time.perf_counter()
        call()
        wait()
        seconds.append(time.perf_counter() - started)
    return seconds


@torch.no_grad()
def unet_calls(shapes, calls, save):
    call = forward(pipe.unet, shapes, DTYPE)
    seconds = timed(calls, call)
    if save is None:
        return {"seconds": seconds}
    # What both are held against: the same weights in float32 proper.
    narrow = call().float()
    torch.backends.cudnn.allow_tf32 = False
    wide = copy.deepcopy(pipe.unet).float()
    exact = forward(wide, shapes, torch.float32)()
    torch.backends.cudnn.allow_tf32 = True
    np.save(save, exact.cpu().numpy())
    del wide
    return {"seconds": seconds, "error": ((narrow - exact).norm() / exact.norm()).item()}


@torch.no_grad()
def vae_calls(shape, calls):
    def call():
        latents = field("latent_sample", shape)
        upcast = pipe.vae.dtype == torch.float16 and pipe.vae.config.force_upcast and hasattr(pipe, "upcast_vae")
        if upcast:
            pipe.upcast_vae()
        pipe.vae.decode(latents.to(pipe.vae.post_quant_conv.weight.dtype))
        if upcast:
            pipe.vae.to(torch.float16)

    return {"seconds": timed(calls, call)}


def picture(prompt, steps, guidance, width, height, seed):
    def call():
        image = pipe(prompt, num_inference_steps=steps, guidance_scale=guidance, width=width, height=height,
                     generator=torch.Generator().manual_seed(seed)).images[0]
        image.save(io.BytesIO(), "PNG")

    return {"seconds": timed(1, call)[0]}


for line in sys.stdin:
    message = json.loads(line)
    if "open" in message:
        answer = open_model(message["open"], message["kind"])
    elif "unet" in message:
        answer = unet_calls(message["unet"], message["calls"], message["save"])
    elif "vae" in message:
        answer = vae_calls(message["vae"], message["calls"])
    else:
        answer = picture(**message["picture"])
    print(json.dumps(answer), flush=True)
