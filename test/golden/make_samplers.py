"""Makes fixtures/samplers.json: torch's random numbers, and each scheduler of diffusers around an arithmetic denoiser.

    python make_samplers.py        (with requirements.txt; two minutes)

A case is [sampler, schedule, options, steps, seed, eta, strength, mode, timesteps, latents, deviation, drift, strays]: options
and timesteps are places in the two tables, latents the first values of the final ones, deviation that of all of them.
`drift` is how far the same run in float64 ends from it, as a part of the deviation, and `strays` how far its
timesteps lie from it: where diffusers itself hangs on the last bits of float32. Both are null where below 1e-5.
DPMSolverSDE draws its noise for sigmas rounded to a millionth; torch's roots and logarithms have other last bits on other
processors. Its cases hold the run with both rounded correctly, and `drift` tells how far torch's own is.
"""

import contextlib
import hashlib
import inspect
import json
import math
import sys
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch

warnings.filterwarnings("ignore")
diffusers.logging.set_verbosity_error()

CLASSES = {
    "ddim": "DDIM", "ddpm": "DDPM", "pndm": "PNDM", "lms": "LMSDiscrete", "euler": "EulerDiscrete",
    "euler_a": "EulerAncestralDiscrete", "heun": "HeunDiscrete", "dpm2": "KDPM2Discrete",
    "dpm2_a": "KDPM2AncestralDiscrete", "dpmpp_2m": "DPMSolverMultistep", "dpmpp_2m_sde": "DPMSolverMultistep",
    "dpmpp_3m_sde": "DPMSolverMultistep", "dpmpp_sde": "DPMSolverSDE", "dpmpp_2s": "DPMSolverSinglestep",
    "unipc": "UniPCMultistep", "deis": "DEISMultistep", "lcm": "LCM", "tcd": "TCD",
    "flow_euler": "FlowMatchEulerDiscrete", "flow_heun": "FlowMatchHeunDiscrete",
    "sa_solver": "SASolver", "ipndm": "IPNDM", "flow_lcm": "FlowMatchLCM",
    "edm_euler": "EDMEuler", "edm_dpmpp_2m": "EDMDPMSolverMultistep",
}  # fmt: skip
NAMED = {
    "dpmpp_2m_sde": {"algorithm_type": "sde-dpmsolver++"},
    "dpmpp_3m_sde": {"algorithm_type": "sde-dpmsolver++", "solver_order": 3},
}
#: As the hub's SD 1.5 says it; what a class does not know is dropped.
BASE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1,
}  # fmt: skip
SEEDS = (0, 42, 2**32 - 1)
STEPS = (1, 2, 3, 5, 10, 20, 50)
SHAPE = (1, 4, 2, 2)
STORED = 5
#: What image to image starts from, and the mask of inpainting.
PICTURE = torch.linspace(-1, 1, 16).reshape(SHAPE)
MASK = torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(1, 1, 2, 2)

K = ("lms", "euler", "heun", "dpm2", "dpm2_a", "dpmpp_sde")
SOLVERS = ("dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "dpmpp_2s", "unipc", "deis")
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}


def signature(sampler):
    return inspect.signature(getattr(diffusers, CLASSES[sampler] + "Scheduler").__init__).parameters


def grid():
    """Every sampler x spacing x schedule x steps, then each option that a class has."""
    index = 0
    for sampler in CLASSES:
        known = signature(sampler)
        schedules = ["normal"] + [s for s in ("karras", "exponential", "beta") if f"use_{s}_sigmas" in known]
        spacings = [None, "leading", "linspace", "trailing"] if "timestep_spacing" in known else [None]
        for schedule in schedules:
            for spacing in spacings:
                for steps in STEPS:
                    # Without a spacing the class's own default holds, which is one of the three.
                    if spacing is None and len(spacings) > 1 and steps not in (3, 20):
                        continue
                    index += 1
                    options = {} if spacing is None else {"timestep_spacing": spacing}
                    yield sampler, schedule, options, steps, SEEDS[index % 3], 0.0, None, "plain"
    for sampler in CLASSES:
        known = signature(sampler)
        plain = (sampler, "normal")
        for prediction in ("epsilon", "v_prediction", "sample"):
            for steps in (4, 15):
                if "prediction_type" in known:
                    yield *plain, {"prediction_type": prediction}, steps, 42, 0.0, None, "plain"
        if "rescale_betas_zero_snr" in known:
            yield *plain, ZERO_SNR, 6, 0, 0.0, None, "plain"
            yield *plain, {**ZERO_SNR, "timestep_spacing": "leading"}, 20, 0, 0.0, None, "plain"
        for betas in ("linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp"):
            if "beta_schedule" in known and (betas in ("linear", "squaredcos_cap_v2") or (sampler == "ddpm" and betas != "exp") or (sampler == "heun" and betas == "exp")):
                yield *plain, {"beta_schedule": betas, "beta_start": 0.0001, "beta_end": 0.02}, 6, 42, 0.0, None, "plain"
        # IPNDM makes its timesteps of them too, which is not carried out.
        if "trained_betas" in known and sampler != "ipndm":
            yield *plain, {"trained_betas": "table"}, 6, 42, 0.0, None, "plain"
        if "clip_sample" in known:
            yield *plain, {"clip_sample": True}, 6, 42, 0.0, None, "plain"
            yield *plain, {"clip_sample": True, "clip_sample_range": 2.0, "prediction_type": "v_prediction"}, 6, 42, 0.0, None, "plain"
        if "thresholding" in known:
            yield *plain, {"thresholding": True, "sample_max_value": 1.5, "dynamic_thresholding_ratio": 0.8}, 6, 42, 0.0, None, "plain"
        if "set_alpha_to_one" in known:
            yield *plain, {"set_alpha_to_one": True}, 6, 42, 0.0, None, "plain"
        if "steps_offset" in known:
            yield *plain, {"steps_offset": 0, "timestep_spacing": "leading"}, 6, 42, 0.0, None, "plain"
        yield *plain, {"num_train_timesteps": 500}, 6, 42, 0.0, None, "plain"
        for strength in (0.3, 0.5, 0.75, 1.0):
            for steps in (7, 10):
                yield *plain, {}, steps, 42, 0.0, strength, "picture"
        if sampler in K or sampler in SOLVERS:
            yield sampler, "karras", {}, 7, 42, 0.0, 0.75, "picture"
        for strength in (0.6, 1.0):
            yield *plain, {}, 7, 0, 0.0, strength, "inpaint"
        if sampler == "heun":
            yield sampler, "karras", {}, 7, 0, 0.0, 0.6, "inpaint"
    for kind in ("fixed_small_log", "fixed_large"):
        yield "ddpm", "normal", {"variance_type": kind}, 6, 42, 0.0, None, "plain"
    for eta in (0.3, 1.0):
        for sampler in ("ddim", "tcd"):
            for steps in (1, 4, 8):
                yield sampler, "normal", {}, steps, 42, eta, None, "plain"
            yield sampler, "normal", {}, 8, 42, eta, 0.5, "picture"
    for steps in (1, 2, 3, 5, 10):
        yield "pndm", "normal", {"skip_prk_steps": True}, steps, 42, 0.0, None, "plain"
        yield "pndm", "normal", {"skip_prk_steps": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}, steps, 42, 0.0, None, "plain"
    for strength in (0.3, 0.5, 0.75, 1.0):
        yield "pndm", "normal", {"skip_prk_steps": True}, 8, 42, 0.0, strength, "picture"
    for original in (25, 100):
        for sampler in ("lcm", "tcd"):
            yield sampler, "normal", {"original_inference_steps": original}, 7, 42, 0.0, None, "plain"
    yield "lcm", "normal", {"timestep_scaling": 1.0, "clip_sample": True}, 4, 42, 0.0, None, "plain"
    for options in (
        {"interpolation_type": "log_linear"}, {"final_sigmas_type": "sigma_min"},
        {"timestep_type": "continuous", "prediction_type": "v_prediction"}, {"timestep_type": "continuous"},
    ):  # fmt: skip
        yield "euler", "normal", options, 6, 42, 0.0, None, "plain"
    for schedule in ("karras", "exponential", "beta"):
        for sampler in ("euler", "unipc"):
            yield sampler, schedule, {"sigma_min": 0.1, "sigma_max": 10.0}, 6, 42, 0.0, None, "plain"
            yield sampler, schedule, {"final_sigmas_type": "sigma_min"}, 6, 42, 0.0, None, "plain"
        yield "euler", schedule, {"interpolation_type": "log_linear"}, 6, 42, 0.0, None, "plain"
    yield from solver_options()
    yield from flow_options()
    yield from sa_solver_options()
    yield from edm_options()


def solver_options():
    for sampler in ("dpmpp_2m", "dpmpp_2s"):
        for schedule in ("normal", "karras"):
            for algorithm in ("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"):
                for order in (1, 2, 3):
                    for kind in ("midpoint", "heun"):
                        for steps in (6, 7, 20):
                            end = {} if algorithm.endswith("++") and steps != 20 else {"final_sigmas_type": "sigma_min"}
                            # With Karras sigmas the last two are equal, and diffusers divides zero by zero.
                            if end and schedule == "karras":
                                continue
                            options = {"algorithm_type": algorithm, "solver_order": order, "solver_type": kind, **end}
                            yield sampler, schedule, options, steps, 42, 0.0, None, "plain"
        for options in (
            {"lower_order_final": False}, {"lower_order_final": False, "final_sigmas_type": "sigma_min", "solver_order": 3},
            {"solver_type": "bh2"}, {"algorithm_type": "deis"}, {"lambda_min_clipped": -5.1}, {"lambda_min_clipped": 0.0},
            {"thresholding": True, "algorithm_type": "dpmsolver++", "solver_order": 3},
        ):  # fmt: skip
            for steps in (6, 9):
                yield sampler, "normal", options, steps, 42, 0.0, None, "plain"
    for options in (
        {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, {"use_lu_lambdas": True},
        {"lambda_min_clipped": -5.1, "timestep_spacing": "trailing"}, {"lambda_min_clipped": -5.1, "timestep_spacing": "leading"},
        {"thresholding": True, "algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    ):  # fmt: skip
        yield "dpmpp_2m", "normal", options, 20, 42, 0.0, None, "plain"
    for order in (1, 2, 3):
        for options in (
            {}, {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}, {"disable_corrector": [0, 1, 3]},
            {"predict_x0": False, "final_sigmas_type": "sigma_min"}, {"final_sigmas_type": "sigma_min", "lower_order_final": False},
            {"predict_x0": False, "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction"}, {"solver_type": "midpoint"},
        ):  # fmt: skip
            for steps in (4, 16):
                yield "unipc", "normal", {"solver_order": order, **options}, steps, 42, 0.0, None, "plain"
        for options in ({}, {"lower_order_final": False}, {"solver_type": "heun", "algorithm_type": "dpmsolver++"}):
            for steps in (4, 16):
                for schedule in ("normal", "karras", "beta"):
                    yield "deis", schedule, {"solver_order": order, **options}, steps, 42, 0.0, None, "plain"


def flow_options():
    for options in (
        {"shift": 3.0}, {"shift": 3.0, "shift_terminal": 0.1}, {"shift": 3.0, "invert_sigmas": True}, {"stochastic_sampling": True},
        {"use_dynamic_shifting": True}, {"use_dynamic_shifting": True, "time_shift_type": "linear"},
        {"use_dynamic_shifting": True, "base_shift": 0.25, "max_shift": 1.3, "max_image_seq_len": 8192},
    ):  # fmt: skip
        for schedule in ("normal", "karras", "exponential", "beta"):
            yield "flow_euler", schedule, options, 8, 42, 0.0, None, "plain"
    for steps in (1, 4, 28):
        yield "flow_euler", "normal", {"shift": 3.0}, steps, 0, 0.0, None, "plain"
        yield "flow_heun", "normal", {"shift": 3.0}, steps, 0, 0.0, None, "plain"
    for strength in (0.3, 0.75, 1.0):
        for sampler in ("flow_euler", "flow_heun"):
            yield sampler, "normal", {"shift": 3.0}, 10, 42, 0.0, strength, "picture"
            yield sampler, "normal", {"shift": 3.0}, 10, 42, 0.0, strength, "inpaint"
    for sampler in SOLVERS:
        for options in ({**FLOW, "flow_shift": 3.0}, {**FLOW, "use_dynamic_shifting": True}):
            yield sampler, "normal", options, 8, 42, 0.0, None, "plain"
        yield sampler, "normal", {**FLOW, "flow_shift": 3.0}, 8, 42, 0.0, 0.6, "picture"
    for schedule in ("karras", "exponential", "beta"):
        yield "unipc", schedule, {**FLOW, "flow_shift": 3.0}, 8, 42, 0.0, None, "plain"
    yield "unipc", "normal", {**FLOW, "flow_shift": 3.0, "shift_terminal": 0.1}, 8, 42, 0.0, None, "plain"


def sa_solver_options():
    for predictor in (1, 2, 3, 4):
        for corrector in (1, 2, 3, 4):
            for algorithm in ("data_prediction", "noise_prediction"):
                for steps in (3, 8, 20):
                    options = {"predictor_order": predictor, "corrector_order": corrector, "algorithm_type": algorithm}
                    yield "sa_solver", "normal", options, steps, 42, 0.0, None, "plain"
    for schedule in ("normal", "karras"):
        yield "sa_solver", schedule, {"lower_order_final": False}, 9, 42, 0.0, None, "plain"
    for options in (
        {"lambda_min_clipped": -5.1}, {"lambda_min_clipped": -5.1, "timestep_spacing": "trailing"}, {**FLOW, "flow_shift": 3.0},
        {"algorithm_type": "noise_prediction", "prediction_type": "v_prediction"}, {"algorithm_type": "noise_prediction", "prediction_type": "sample"},
    ):  # fmt: skip
        yield "sa_solver", "normal", options, 9, 42, 0.0, None, "plain"
    yield "sa_solver", "normal", {**FLOW, "flow_shift": 3.0}, 8, 42, 0.0, 0.6, "picture"


def edm_options():
    cosxl = {"sigma_data": 1.0, "sigma_max": 120.0, "sigma_schedule": "exponential", "prediction_type": "v_prediction"}
    for sampler in ("edm_euler", "edm_dpmpp_2m"):
        for options in (
            cosxl, {**cosxl, "final_sigmas_type": "sigma_min"}, {"sigma_min": 0.1, "sigma_max": 10.0, "rho": 3.0},
            {"sigma_schedule": "exponential"}, {"final_sigmas_type": "sigma_min"},
        ):  # fmt: skip
            for steps in (1, 2, 7, 20):
                yield sampler, "normal", options, steps, 42, 0.0, None, "plain"
        yield sampler, "normal", cosxl, 10, 42, 0.0, 0.6, "picture"
    for order in (1, 2, 3):
        for kind in ("midpoint", "heun"):
            for algorithm in ("dpmsolver++", "sde-dpmsolver++"):
                for steps in (6, 20):
                    options = {**cosxl, "solver_order": order, "solver_type": kind, "algorithm_type": algorithm}
                    yield "edm_dpmpp_2m", "normal", options, steps, 42, 0.0, None, "plain"
    for options in (
        {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, {"lower_order_final": False, "final_sigmas_type": "sigma_min"},
        {"algorithm_type": "deis", "solver_type": "bh2"},
    ):  # fmt: skip
        for steps in (9, 20):
            yield "edm_dpmpp_2m", "normal", {**cosxl, **options}, steps, 42, 0.0, None, "plain"


def predict(sample, timestep):
    """Of any dtype; the phase differs from latent to latent."""
    phase = torch.arange(sample.numel(), dtype=torch.float64).reshape(sample.shape)
    return 0.6 * sample + (0.1 * torch.cos(phase + float(timestep) / 200)).to(sample.dtype)


def make(sampler, schedule, options, seed):
    config = {**BASE, **NAMED.get(sampler, {}), **options}
    if schedule != "normal":
        config[f"use_{schedule}_sigmas"] = True
    if options.get("trained_betas") == "table":
        config["trained_betas"] = (np.linspace(0.02, 0.12, 1000) ** 2).tolist()
    if sampler == "dpmpp_sde":
        config["noise_sampler_seed"] = seed
    return getattr(diffusers, CLASSES[sampler] + "Scheduler").from_config(config)


def begin(scheduler, sampler, steps, strength):
    """As get_timesteps of the pipelines: SD3's rounds otherwise than the others."""
    if strength is None:
        return 0
    if sampler.startswith("flow"):
        return int(max(steps - min(steps * strength, steps), 0))
    return max(steps - min(int(steps * strength), steps), 0)


def to_float64(scheduler):
    for name in ("sigmas", "sigmas_interpol", "alphas_cumprod", "final_alpha_cumprod"):
        if hasattr(scheduler, name):
            setattr(scheduler, name, getattr(scheduler, name).double())
    if not hasattr(scheduler, "sigmas_down"):
        return
    # KDPM2Ancestral takes the difference of two squares that may be all but equal.
    sigmas = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]])
    after = torch.cat([sigmas[1:], torch.zeros(1)])
    up = (after**2 * (sigmas**2 - after**2) / sigmas**2) ** 0.5
    middle = (sigmas * (after**2 - up**2) ** 0.5) ** 0.5
    log_sigmas = np.array(((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod) ** 0.5)
    for i in range(len(scheduler.timesteps) // 2):
        scheduler.timesteps[2 * i + 1] = float(scheduler._sigma_to_t(middle[i].numpy(), np.log(log_sigmas)))


def loop(sampler, schedule, options, steps, seed, eta, strength, mode, dtype):
    scheduler = make(sampler, schedule, options, seed)
    timing = {}
    if options.get("use_dynamic_shifting"):
        get = scheduler.config.get
        slope = (get("max_shift", 1.16) - get("base_shift", 0.5)) / (get("max_image_seq_len", 4096) - get("base_image_seq_len", 256))
        timing["mu"] = 1024 * slope + get("base_shift", 0.5) - slope * get("base_image_seq_len", 256)
    scheduler.set_timesteps(steps, **timing)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(SHAPE, generator=generator).to(dtype)
    picture = PICTURE.to(dtype)
    if dtype == torch.float64:
        to_float64(scheduler)
    first = begin(scheduler, sampler, steps, strength) * scheduler.order
    timesteps = scheduler.timesteps[first:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)

    def add_noise(t):
        if hasattr(scheduler, "scale_noise"):
            return scheduler.scale_noise(picture, t, noise)
        return scheduler.add_noise(picture, noise, t)

    if strength is None or (mode == "inpaint" and strength == 1.0):
        x = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    else:
        x = add_noise(timesteps[:1])
    known = inspect.signature(scheduler.step).parameters
    extra = {"generator": generator} if "generator" in known else {}
    if "eta" in known:
        extra["eta"] = eta
    told = []
    for i, t in enumerate(timesteps):
        told.append(float(t.to(torch.float32)))
        sample = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(predict(sample, t), t, x, **extra).prev_sample.to(dtype)
        if mode == "inpaint":
            kept = add_noise(timesteps[i + 1 : i + 2]) if i < len(timesteps) - 1 else picture
            x = (1 - MASK) * kept + MASK * x
    return told, x.to(torch.float64).flatten()


def draw_in_float32():
    """A run in float64 shall differ by its arithmetic alone."""
    import torchsde

    def randn_tensor(shape, generator=None, device=None, dtype=None, layout=None):
        return torch.randn(shape, generator=generator).to(dtype)

    for sampler in CLASSES:
        module = sys.modules[getattr(diffusers, CLASSES[sampler] + "Scheduler").__module__]
        if hasattr(module, "randn_tensor"):
            module.randn_tensor = randn_tensor
    interval = torchsde._brownian.brownian_interval
    plain = interval._randn
    interval._randn = lambda size, dtype, device, seed: plain(size, torch.float32, device, seed).to(dtype)


@contextlib.contextmanager
def exactly_rounded():
    own = {name: getattr(torch.Tensor, name) for name in ("log", "exp", "__pow__")}

    def rounded(name, function):
        return lambda x: torch.tensor(function(x.item()), dtype=x.dtype) if x.dim() == 0 else own[name](x)

    torch.Tensor.log = rounded("log", lambda x: math.log(x) if x > 0 else -math.inf)
    torch.Tensor.exp = rounded("exp", math.exp)
    torch.Tensor.__pow__ = lambda x, y: torch.as_tensor(np.sqrt(x.numpy())) if y == 0.5 else own["__pow__"](x, y)
    try:
        yield
    finally:
        for name, function in own.items():
            setattr(torch.Tensor, name, function)


def randn():
    found = []
    for seed, counts in (
        (0, [4]), (0, [16]), (42, [20, 64]), (2**32 - 1, [1, 2, 17, 3]), (7, [15, 15, 33]),
        (0, [65536]), (42, [65536]), (2**32 - 1, [65536]), (2**32 + 5, [65536, 7]),
    ):  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        draws = [torch.randn(n, generator=generator).numpy().tobytes() for n in counts]
        found.append({"seed": seed, "counts": counts, "sha256": [hashlib.sha256(draw).hexdigest() for draw in draws]})
    return found


def brownian():
    """torchsde's path, as DPMSolverSDEScheduler asks for it."""
    import torchsde

    found = []
    for seed in SEEDS:
        tree = torchsde.BrownianInterval(
            t0=0.0291675, t1=14.614643, size=SHAPE, dtype=torch.float32, entropy=seed, tol=1e-6, pool_size=24, halfway_tree=True
        )
        for span in ((3.25, 14.614643), (1.0, 3.25), (0.0291675, 0.0312), (5.0, 5.000001)):
            found.append([seed, *span, tree(*span).flatten()[:STORED].tolist()])
    return found


def main():
    # torch has other last bits where a processor lacks AVX2.
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    draw_in_float32()
    tables = {"options": [], "timesteps": []}

    def place(table, value):
        if value not in tables[table]:
            tables[table].append(value)
        return tables[table].index(value)

    cases, refused = [], []
    for case in grid():
        sampler, schedule, options, steps, seed, eta, strength, mode = case
        is_sde = sampler == "dpmpp_sde"
        try:
            with exactly_rounded() if is_sde else contextlib.nullcontext():
                timesteps, x = loop(*case, torch.float32)
        except Exception as error:
            refused.append([sampler, schedule, options, steps, f"{type(error).__name__}: {str(error)[:80]}"])
            continue
        if not x.isfinite().all():
            refused.append([sampler, schedule, options, steps, "not finite"])
            continue
        told, y = loop(*case, torch.float32 if is_sde else torch.float64)
        drift = ((y - x).abs().max() / x.std()).item()
        strays = max(abs(a - b) for a, b in zip(told, timesteps))
        cases.append([
            sampler, schedule, place("options", options), steps, seed, eta, strength, mode, place("timesteps", [round(t, 4) for t in timesteps]),
            [float(f"{v:.7g}") for v in x[:STORED].tolist()], float(f"{x.std():.3g}"), float(f"{drift:.1g}") if drift > 1e-5 else None,
            float(f"{strays:.1g}") if strays > 1e-5 else None,
        ])  # fmt: skip
    for line in refused:
        print("left out:", *line)
    result = {"base": BASE, "randn": randn(), "brownian": brownian(), **tables, "cases": cases}
    lines = [f'"{key}": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]" if isinstance(value, list) else f'"{key}": {json.dumps(value)}' for key, value in result.items()]
    (Path(__file__).parent / "fixtures" / "samplers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
