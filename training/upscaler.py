"""The upscaler: SRVGGNetCompact, 2 x, for what this model draws: `python upscaler.py MINUTES`.

A pair is what the VAE's decoder gives at 256 x 256 and the same scene drawn at 512 x 512. A part of the latents was
first noised and denoised again by the UNet, so that the network also sees the model's own smudges where they belong.
The other stages' checkpoints are read again now and then: they may still be training.
"""
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import workers
from pool import Pool, said
from text import new_text
from tokenizer import ids, load_tokenizer
from unet import load_average, new_unet, rate, signal_shares
from vae import NOISE, as_tensor, load_vae, picture_loss, psnr
from workers import DEVICE

CONFIG = {"_class_name": "SRVGGNetCompact", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 48, "num_conv": 12, "upscale": 2,
          "act_type": "leakyrelu"}
BATCH, CROPS, SIDE = (4, 2, 64) if DEVICE.type == "cpu" else (24, 4, 96)  # pictures a step, crops of each, pixels of 256
PEAK = 1e-3
REDRAWN = .5  # share of the steps whose latents the UNet has redrawn
STEPS, STRENGTH = 3, (60, 380)  # of redrawing: steps, and the timestep where it starts
FRESH = 20  # seconds after which the other stages' weights are read again
WAITING = 48 if DEVICE.type == "cpu" else 0  # decoded pictures kept for several steps, where decoding is dear


class SRVGGNetCompact(nn.Module):
    """Real-ESRGAN's compact network (https://github.com/xinntao/Real-ESRGAN): RGB in 0..1, [N,3,H,W] -> [N,3,2H,2W]."""

    def __init__(self):
        super().__init__()
        feat, layers = CONFIG["num_feat"], []
        for i in range(CONFIG["num_conv"] + 1):
            layers += [nn.Conv2d(3 if i == 0 else feat, feat, 3, 1, 1), nn.LeakyReLU(.1)]
        self.body = nn.Sequential(*layers, nn.Conv2d(feat, 3 * CONFIG["upscale"] ** 2, 3, 1, 1))

    def forward(self, pictures):
        finer = F.pixel_shuffle(self.body(pictures), CONFIG["upscale"])
        return finer + F.interpolate(pictures, scale_factor=CONFIG["upscale"], mode="nearest")


def new_upscaler():
    """The network as far as it was trained before, otherwise nearly silent: it then repeats pixels."""
    torch.manual_seed(0)
    net, start = SRVGGNetCompact().to(DEVICE), workers.load("start")
    if start and "upscaler" in start:
        net.load_state_dict(start["upscaler"])
    else:
        nn.init.normal_(net.body[-1].weight, std=1e-3)
        nn.init.zeros_(net.body[-1].bias)
    return net


class Painters:
    """The frozen VAE, UNet and text encoder, read again while others train them."""

    def __init__(self, seed):
        self.vae, _ = load_vae()
        self.tokenizer = load_tokenizer(workers.HOME / "tokenizer")
        self.modules, self.shares, self.read = (new_unet(), new_text(self.tokenizer)), signal_shares(), 0.0
        self.nothing = ids(self.tokenizer, [""])[0].to(DEVICE)
        self.pool, self.waiting, self.rng = Pool("pairs", seed, drawn=1), [], np.random.default_rng(seed)
        for module in (self.vae, *self.modules):
            module.requires_grad_(False)

    def refresh(self):
        if time.time() - self.read > FRESH:
            self.vae.load_state_dict(load_vae()[1]["model"])
            load_average(self.modules)
            self.read = time.time()

    @torch.no_grad()
    def redrawn(self, latents, tokens):
        """Latents noised up to a random timestep and denoised again in a few steps of DDIM, without guidance."""
        unet, text = self.modules
        high = int(self.rng.integers(*STRENGTH))
        stops = torch.linspace(high, 0, STEPS + 1).long().tolist()
        a = self.shares[high]
        noisy, states = a.sqrt() * latents + (1 - a).sqrt() * torch.randn_like(latents), text(tokens).last_hidden_state
        for t, following in zip(stops, stops[1:]):
            a, b = self.shares[t], self.shares[following] if following else torch.ones((), device=DEVICE)
            v = unet(noisy, t, states).sample.float()
            clean, noise = a.sqrt() * noisy - (1 - a).sqrt() * v, (1 - a).sqrt() * noisy + a.sqrt() * v
            noisy = b.sqrt() * clean + (1 - b).sqrt() * noise
        return noisy

    @torch.no_grad()
    def decoded(self):
        """What the decoder gives [N,3,256,256] and the true pictures [N,3,512,512], both in 0..1."""
        rows = self.pool.batch(BATCH)
        latents, true = rows["latent"].float(), rows["picture"].permute(0, 3, 1, 2).float() / 255
        with workers.half():
            if self.rng.random() < REDRAWN:
                latents = self.redrawn(latents, said(rows["tokens"], self.nothing, .1))
            else:
                latents = latents + NOISE * torch.randn_like(latents) * float(self.rng.random())
            shown = self.vae.decode(latents).sample.float()
        return (shown.clamp(-1, 1) / 2 + .5).mul(255).round() / 255, true

    def crops(self):
        """Random crops of pairs: [N,3,SIDE,SIDE], [N,3,2*SIDE,2*SIDE]."""
        self.refresh()
        if len(self.waiting) < max(1, WAITING // BATCH) or self.rng.random() < .25:
            self.waiting.append(self.decoded())
        shown, true = self.waiting[self.rng.integers(len(self.waiting))]
        if len(self.waiting) > WAITING // BATCH:
            self.waiting.pop(0)
        small, large = [], []
        for i in np.repeat(np.arange(len(shown)), CROPS):
            x, y = (int(v) for v in self.rng.integers(0, 257 - SIDE, 2))
            small.append(shown[i, :, y:y + SIDE, x:x + SIDE])
            large.append(true[i, :, 2 * y:2 * (y + SIDE), 2 * x:2 * (x + SIDE)])
        return torch.stack(small), torch.stack(large)


def edge_correlation(a, b):
    """Correlation of the gradients of luma of two pictures [N,3,H,W]."""
    luma = torch.tensor([.299, .587, .114], device=a.device).view(1, 3, 1, 1)
    a, b = ((p * luma).sum(1) for p in (a, b))
    slopes = [torch.cat([(p[:, 1:] - p[:, :-1]).flatten(), (p[..., 1:] - p[..., :-1]).flatten()]) for p in (a, b)]
    return torch.nn.functional.cosine_similarity(*slopes, 0).item()


def train(rank, minutes):
    """Resumes checkpoints/upscaler.pt; the rate falls to zero at `minutes`."""
    net, state = new_upscaler(), workers.load("upscaler")
    optimizer = torch.optim.AdamW(net.parameters(), PEAK, betas=(.9, .99), weight_decay=0)
    average = {k: v.clone() for k, v in net.state_dict().items()}
    step, spent, history = 0, 0.0, []
    if state:
        net.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, step, spent = state["average"], state["step"], state["minutes"]
    painters, clock = Painters(7000 + step), workers.Clock(spent)

    def keep():
        workers.save("upscaler", model=net.state_dict(), average=average, optimizer=optimizer.state_dict(), step=step,
                     minutes=spent)

    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, PEAK * min(1, (step + 1) / 100) * rate(spent / minutes))
        shown, true = painters.crops()
        with workers.half():
            finer = net(shown).float()
        loss = picture_loss(finer * 2 - 1, true * 2 - 1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            for key, value in net.state_dict().items():
                average[key].lerp_(value, 1 - min(.995, (1 + step) / (10 + step)))
        if step % 50 == 0:
            bicubic = F.interpolate(shown, scale_factor=2, mode="bicubic").clamp(0, 1)
            db = [psnr(p.detach() * 2 - 1, true * 2 - 1) for p in (finer, bicubic)]
            edges = [edge_correlation(p.detach(), true) for p in (finer, bicubic)]
            history.append([loss.item(), *db, *edges])
            print(f"upscaler {spent:5.1f} min step {step} loss %.4f psnr %.2f bicubic %.2f edges %.3f bicubic %.3f"
                  % tuple(np.mean(history[-10:], 0)), flush=True)
        if clock.due():
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, float(sys.argv[1]))
