"""The upscaler fitted anew to what `upscaler.py measure` asks for: `python refit.py COUNT MINUTES`.

Correlation of slopes is highest where their squared error is least in proportion to the picture's own slopes. All layers
follow that error, over crops of COUNT scenes through the VAE. It goes on from checkpoints/upscaler.pt, or start.pt, and
writes upscaler.pt.
"""
import math
import sys

import cv2
import numpy as np
import torch
from torch.nn import functional as F

import workers
from pack import trained
from scenes import draw, random_scene
from upscaler import BIAS_PEAK, PEAK, SRVGGNetCompact, optimizers_of
from vae import as_tensor, latents_of, load_vae
from workers import DEVICE

SIDE, CROPS = 64, 8  # pixels of a crop at 256; crops of a step, each from another scene
EDGE = 8  # pixels of the result that lack a part of what is around them
SHARE = .2  # of the rates of a network that is trained from the start
WARM = 50  # steps in which the rates come up; they fall as a cosine
NOISY, NOISE = .3, .1  # share of the scenes whose latents are noised, and by how much at most
VALUES = 20  # weight of the squared error of the colours beside that of luma's slopes
LUMA = torch.tensor([.299, .587, .114], device=DEVICE).view(1, 3, 1, 1)


def slopes(pictures):
    """Differences [N,H-1,W] and [N,H,W-1] between neighbours of the luma of pictures [N,3,H,W]."""
    luma = (pictures * LUMA).sum(1)
    return luma.diff(dim=1), luma.diff(dim=2)


@torch.no_grad()
def pair(vae, state, rng):
    """Of one scene: what the decoder gives, uint8 [3,256,256], the true picture, uint8 [3,512,512], and the mean square of its slopes."""
    picture = draw(random_scene(rng), rng, 2)
    latents = latents_of(state, as_tensor([cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)]))
    if rng.random() < NOISY:
        latents = latents + NOISE * float(rng.random()) * torch.randn_like(latents)
    shown = vae.decode(latents).sample.clamp(-1, 1).add(1).mul(127.5).round().byte()
    true = as_tensor([picture]) / 2 + .5
    energy = sum(part.square().mean() for part in slopes(true)) / 2
    return shown[0], torch.from_numpy(picture).to(DEVICE).permute(2, 0, 1), energy


def crops(pairs, rng):
    """Crops in 0..1: [CROPS,3,SIDE,SIDE], [CROPS,3,2*SIDE,2*SIDE], and the energy of the scene of each [CROPS,1,1]."""
    small, large, energies = [], [], []
    for i in rng.integers(len(pairs), size=CROPS):
        shown, true, energy = pairs[i]
        x, y = rng.integers(0, 257 - SIDE, 2).tolist()
        small.append(shown[:, y:y + SIDE, x:x + SIDE])
        large.append(true[:, 2 * y:2 * (y + SIDE), 2 * x:2 * (x + SIDE)])
        energies.append(energy)
    return torch.stack(small).float() / 255, torch.stack(large).float() / 255, torch.stack(energies).view(-1, 1, 1)


def refit(rank, count, minutes):
    """Fit it over `count` scenes for `minutes`, which begin when these are drawn."""
    torch.set_num_threads(2)
    net, (vae, state), rng = SRVGGNetCompact().to(DEVICE), load_vae(), np.random.default_rng(777)
    net.load_state_dict(trained()["upscaler"])
    net.to(memory_format=torch.channels_last)
    pairs = [pair(vae, state, rng) for _ in range(count)]
    optimizers, clock, step = optimizers_of(net), workers.Clock(), 0
    while (spent := clock.tick()) < minutes:
        for optimizer, peak in zip(optimizers, (PEAK, BIAS_PEAK)):
            rate = min(1, (step + 1) / WARM) * (1 + math.cos(math.pi * spent / minutes)) / 2
            workers.set_rate(optimizer, SHARE * peak * rate)
        shown, true, energies = crops(pairs, rng)
        lacks = (net(shown.contiguous(memory_format=torch.channels_last)) - true)[..., EDGE:-EDGE, EDGE:-EDGE]
        off = sum((part.square() / energies).mean() for part in slopes(lacks)) / 2
        loss = off + VALUES * lacks.square().mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"refit {spent:5.1f} min step {step} slopes {off.item():.4f} loss {loss.item():.4f}", flush=True)
    workers.save("upscaler", model=net.state_dict(), average=net.state_dict(), step=0, minutes=0.0, optimizers=None)


if __name__ == "__main__":
    workers.spawn(refit, int(sys.argv[1]), float(sys.argv[2]))
