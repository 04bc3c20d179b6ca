"""Makes samplers.golden.json: torch's random numbers, and diffusers' samplers around an arithmetic denoiser.

    python make_goldens.py        (with ../golden/requirements.txt)
"""

import hashlib
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

#: What image to image starts from.
PICTURE = torch.linspace(-1, 1, 24).reshape(1, 4, 2, 3)

#: One option away from the plain case: sampler, schedule, options, steps.
OPTIONS = [
    *(
        ("dpmpp_2m", schedule, {"solver_order": order, "solver_type": kind, "final_sigmas_type": final}, steps)
        for schedule in ("normal", "karras")
        for order in (1, 2, 3)
        for kind in ("midpoint", "heun")
        for final in ("zero", "sigma_min")
        for steps in (6, 20)
        if (order, kind, final) != (2, "midpoint", "zero")
        # With Karras sigmas the last two are equal, and these divide zero by zero in the reference too.
        if not (schedule == "karras" and final == "sigma_min" and (order == 3 or kind == "heun") and steps > 15)
    ),
    ("dpmpp_2m", "normal", {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, 20),
    ("dpmpp_2m", "normal", {"lower_order_final": False}, 6),
    ("dpmpp_2m", "normal", {"lower_order_final": False, "final_sigmas_type": "sigma_min", "solver_order": 3}, 6),
    ("dpmpp_2m", "normal", {"solver_type": "bh2", "prediction_type": "sample"}, 6),
    ("euler", "normal", {"final_sigmas_type": "sigma_min"}, 6),
    ("euler", "karras", {"final_sigmas_type": "sigma_min"}, 6),
    ("euler", "karras", {"sigma_min": 0.1, "sigma_max": 10.0}, 6),
    ("euler", "normal", {"prediction_type": "sample"}, 6),
    ("ddim", "normal", {"clip_sample": True}, 6),
    ("ddim", "normal", {"clip_sample": True, "clip_sample_range": 2.0, "prediction_type": "v_prediction"}, 6),
    ("ddim", "normal", {"set_alpha_to_one": True}, 6),
    ("ddim", "normal", {"prediction_type": "sample"}, 6),
    *((sampler, "normal", {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}, 6) for sampler in CLASSES),
    *((sampler, "normal", {"beta_schedule": "squaredcos_cap_v2"}, 6) for sampler in CLASSES),
    *(
        (sampler, "normal", {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}, 6)
        for sampler in CLASSES
    ),
]


def predict(sample: torch.Tensor, timestep: float) -> torch.Tensor:
    return 0.6 * sample + 0.1 * math.cos(timestep / 200)


def loop(sampler: str, schedule: str, config: dict, steps: int, seed: int, eta: float, strength: float | None = None) -> dict:
    extra = {"use_karras_sigmas": True} if schedule == "karras" else {}
    scheduler = CLASSES[sampler].from_config({**BASE, **config, **extra})
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 4, 2, 3, generator=generator)
    begin = 0
    if strength is None:
        x = noise * scheduler.init_noise_sigma
    else:
        begin = steps - int(steps * strength)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        x = scheduler.add_noise(PICTURE, noise, scheduler.timesteps[begin : begin + 1])
    options = {"generator": generator} if sampler in ("ddim", "euler_a") else {}
    if sampler == "ddim":
        options["eta"] = eta
    timesteps = []
    for t in scheduler.timesteps[begin:]:
        timesteps.append(float(t))
        sample = scheduler.scale_model_input(x, t)
        x = scheduler.step(predict(sample, float(t)), t, x, **options).prev_sample
    return {"timesteps": timesteps, "latents": x.flatten().tolist()}


def main() -> None:
    # torch has other last bits where a processor lacks AVX2.
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    randn = []
    for seed, counts in (
        (0, [4]), (0, [16]), (42, [20, 64]), (2**32 - 1, [1, 2, 17, 3]), (7, [15, 15, 33]),
        (0, [65536]), (42, [65536]), (2**32 - 1, [65536]), (2**32 + 5, [65536, 7]),
    ):  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        draws = [torch.randn(n, generator=generator).numpy().tobytes() for n in counts]
        randn.append({"seed": seed, "counts": counts, "sha256": [hashlib.sha256(draw).hexdigest() for draw in draws]})
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
    for sampler, schedule, config, steps in OPTIONS:
        case = {"sampler": sampler, "schedule": schedule, "config": {**BASE, **config}, "steps": steps, "seed": 3, "eta": 0.0}
        loops.append({**case, **loop(sampler, schedule, config, steps, 3, 0.0)})
    for sampler in CLASSES:
        for schedule in ("normal", "karras") if sampler in ("euler", "dpmpp_2m") else ("normal",):
            for strength in (0.3, 0.75, 1.0):
                case = {"sampler": sampler, "schedule": schedule, "config": BASE, "steps": 7, "seed": 3, "eta": 0.0}
                loops.append({**case, "strength": strength, **loop(sampler, schedule, {}, 7, 3, 0.0, strength)})
    Path(__file__).with_name("samplers.golden.json").write_text(json.dumps({"randn": randn, "loops": loops}) + "\n")


if __name__ == "__main__":
    main()
