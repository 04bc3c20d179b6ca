"""The denoiser: a UNet2DConditionModel that predicts v, trained together with the text encoder.

`python unet.py MINUTES [STOP]` trains, resuming checkpoints/unet.pt (run text.py first); the rate falls to zero at
MINUTES, and STOP interrupts earlier. With WORKERS=2 two processes share each step's batch.
"""
import math
import sys

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

import workers
from captions import caption
from scenes import TWO, draw, random_scene
from text import WIDTH, new_text
from tokenizer import ids, load_tokenizer
from vae import CHANNELS, as_tensor, latents_of, load_vae
from workers import DEVICE, WORKERS

BATCH = 16 if DEVICE.type == "cpu" else 256  # pictures a step, over all workers
PEAK = 8e-4  # learning rate; the text encoder learns at a quarter of it
POOL_START, POOL_END = 1000, 20000  # latents in memory: drawn before the first step, and at most
DRAWN = 2  # new pictures a step and worker
ONE_FIRST = 60_000  # samples until the share of scenes with two things has grown to its full size
BETAS = dict(num_train_timesteps=1000, beta_start=.00085, beta_end=.02, beta_schedule="scaled_linear")
CONFIG = dict(
    sample_size=32, in_channels=CHANNELS, out_channels=CHANNELS, block_out_channels=(48, 96, 192),
    layers_per_block=1, norm_num_groups=16, cross_attention_dim=WIDTH, attention_head_dim=(1, 3, 6),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))


def new_unet():
    """A UNet with plain attention (its backward pass is the faster one on a CPU)."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**CONFIG).to(DEVICE)
    unet.set_attn_processor(AttnProcessor())
    return unet


def signal_shares():
    """alphas_cumprod [1000] of BETAS."""
    betas = torch.linspace(BETAS["beta_start"] ** .5, BETAS["beta_end"] ** .5, BETAS["num_train_timesteps"]) ** 2
    return torch.cumprod(1 - betas, 0).to(DEVICE)


def centre_weight():
    """Loss weight [32,32] with mean 1: double where the things are."""
    weight = torch.ones(32, 32, device=DEVICE)
    weight[7:30, 2:30] = 2
    return weight / weight.mean()


class Latents:
    """A growing pool of scenes and their latents (float16 [8,32,32])."""

    def __init__(self, seed, vae_state, samples):
        self.rng, self.vae_state, self.scenes, self.latents = np.random.default_rng(seed), vae_state, [], []
        for _ in range(POOL_START // 16):
            self.add(16, samples)

    def add(self, count, samples):
        """Draw scenes; when the pool is full they take the place of others."""
        two = TWO * min(1, samples / ONE_FIRST)
        scenes = [random_scene(self.rng, two) for _ in range(count)]
        pictures = as_tensor([draw(scene, self.rng) for scene in scenes])
        for scene, latent in zip(scenes, latents_of(self.vae_state, pictures).half()):
            if len(self.scenes) < POOL_END:
                self.scenes.append(scene)
                self.latents.append(latent)
            else:
                i = self.rng.integers(POOL_END)
                self.scenes[i], self.latents[i] = scene, latent

    def batch(self, count):
        """-> latents float32 [count,8,32,32], captions (a tenth of them empty)."""
        chosen = self.rng.integers(len(self.scenes), size=count)
        texts = ["" if self.rng.random() < .1 else caption(self.scenes[i], self.rng) for i in chosen]
        return torch.stack([self.latents[i] for i in chosen]).float(), texts


class Average:
    """Exponential moving average of the parameters of some modules."""

    def __init__(self, modules, state=None):
        self.modules = modules
        self.values = state or [{k: v.detach().clone() for k, v in m.state_dict().items()} for m in modules]

    @torch.no_grad()
    def update(self, step):
        decay = min(.998, (1 + step) / (10 + step))
        for module, values in zip(self.modules, self.values):
            for key, value in module.state_dict().items():
                if value.is_floating_point():
                    values[key].lerp_(value, 1 - decay)


def rate(share):
    """Learning rate over a stage, as a share of the peak: flat for a half, then a cosine to zero."""
    return 1.0 if share < .5 else max(0.0, math.cos(math.pi * (share - .5)))


def step_loss(unet, text, latents, tokens, shares, weight, control=None, hints=None):
    """Min-SNR weighted error of v at stratified timesteps; a ControlNet's features of `hints` join in."""
    count = len(latents)
    t = ((torch.randperm(count) + torch.rand(count)) / count * len(shares)).long().to(DEVICE)
    signal = shares[t].view(-1, 1, 1, 1)
    noise = torch.randn_like(latents)
    noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
    v = signal.sqrt() * noise - (1 - signal).sqrt() * latents
    with workers.half():
        states = text(tokens).last_hidden_state
        extra = {}
        if control is not None:
            downs, middle = control(noisy, t, states, hints, return_dict=False)
            extra = {"down_block_additional_residuals": downs, "mid_block_additional_residual": middle}
        guess = unet(noisy, t, states, **extra).sample.float()
    snr = signal / (1 - signal)
    return ((guess - v).square() * weight * (snr.clamp(max=5) / (snr + 1))).mean()


def train(rank, minutes, stop):
    """One worker's share of the training."""
    tokenizer, (_, vae_state) = load_tokenizer(workers.HOME / "tokenizer"), load_vae()
    unet, text, state = new_unet(), new_text(tokenizer), workers.load("unet")
    text.load_state_dict(workers.load("text")["model"])
    if start := workers.load("start"):
        unet.load_state_dict(start["unet"])
    modules, step, spent, samples = [unet, text], 0, 0.0, 0
    parameters = [p for m in modules for p in m.parameters()]
    optimizer = torch.optim.AdamW([{"params": list(unet.parameters())}, {"params": list(text.parameters())}],
                                  PEAK, weight_decay=.01, betas=(.9, .99))
    if state:
        for module, values in zip(modules, state["modules"]):
            module.load_state_dict(values)
        optimizer.load_state_dict(state["optimizer"])
        step, spent, samples = state["step"], state["minutes"], state["samples"]
    average = Average(modules, state and state["average"])
    shares, weight = signal_shares(), centre_weight()
    pool, losses = Latents(5000 + 10 * step + rank, vae_state, samples), []
    torch.manual_seed(10 * step + rank)
    clock = workers.Clock(spent)

    def keep():
        if rank == 0:
            workers.save("unet", modules=[m.state_dict() for m in modules], average=average.values,
                         optimizer=optimizer.state_dict(), step=step, samples=samples, minutes=spent)

    while (spent := clock.tick()) < min(minutes, stop):
        now = PEAK * min(1, (step + 1) / 150) * rate(spent / minutes)
        for group, share in zip(optimizer.param_groups, (1, .25)):
            group["lr"] = now * share
        pool.add(DRAWN, samples)
        latents, texts = pool.batch(BATCH // WORKERS)
        loss = step_loss(unet, text, latents, ids(tokenizer, texts).to(DEVICE), shares, weight)
        optimizer.zero_grad()
        loss.backward()
        workers.share_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update(step)
        step, samples = step + 1, samples + BATCH
        losses.append(loss.item())
        if rank == 0 and step % 50 == 0:
            print(f"unet {spent:5.1f} min step {step} samples {samples} loss {np.mean(losses[-50:]):.4f}", flush=True)
        if step % 200 == 0:
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else math.inf)
