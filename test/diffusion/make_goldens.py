"""Makes samplers.golden.json: torch's random numbers, and diffusers' samplers around an arithmetic denoiser.

    python make_goldens.py        (with ../golden/requirements.txt)
"""

import json
import math
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)

CLASSES = {
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}
BASE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1,
}  # fmt: skip


def predict(sample: torch.Tensor, timestep: float) -> torch.Tensor:
    return 0.6 * sample + 0.1 * math.cos(timestep / 200)


def loop(sampler: str, schedule: str, config: dict, steps: int, seed: int, eta: float) -> dict:
    extra = {"use_karras_sigmas": True} if schedule == "karras" else {}
    scheduler = CLASSES[sampler].from_config({**BASE, **config, **extra})
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 4, 2, 3, generator=generator) * scheduler.init_noise_sigma
    options = {"generator": generator} if sampler in ("ddim", "euler_a") else {}
    if sampler == "ddim":
        options["eta"] = eta
    timesteps = []
    for t in scheduler.timesteps:
        timesteps.append(float(t))
        sample = scheduler.scale_model_input(x, t)
        x = scheduler.step(predict(sample, float(t)), t, x, **options).prev_sample
    return {"timesteps": timesteps, "latents": x.flatten().tolist()}


def main() -> None:
    randn = []
    for seed, counts in ((0, [4]), (0, [16]), (42, [20, 64]), (2**32 - 1, [1, 2, 17, 3]), (7, [15, 15, 33])):
        generator = torch.Generator().manual_seed(seed)
        randn.append({"seed": seed, "draws": [torch.randn(n, generator=generator).tolist() for n in counts]})
    loops = []
    for sampler in CLASSES:
        for schedule in ("normal", "karras") if sampler in ("euler", "dpmpp_2m") else ("normal",):
            for prediction in ("epsilon", "v_prediction"):
                for spacing in (None, "leading", "linspace", "trailing"):
                    for steps in (1, 7, 30):
                        if schedule == "karras" and steps == 1:
                            continue
                        config = {"prediction_type": prediction}
                        if spacing:
                            config["timestep_spacing"] = spacing
                        eta = 0.5 if sampler == "ddim" and steps == 7 else 0.0
                        case = {
                            "sampler": sampler, "schedule": schedule, "config": {**BASE, **config}, "steps": steps,
                            "seed": 3, "eta": eta,
                        }  # fmt: skip
                        loops.append({**case, **loop(sampler, schedule, config, steps, 3, eta)})
    Path(__file__).with_name("samplers.golden.json").write_text(json.dumps({"randn": randn, "loops": loops}) + "\n")


if __name__ == "__main__":
    main()
