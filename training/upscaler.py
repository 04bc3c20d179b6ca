"""The upscaler: SRVGGNetCompact, 2 x, for what this model draws.

`python upscaler.py train MINUTES` trains it, resuming checkpoints/upscaler.pt; `python upscaler.py measure COUNT [FOLDER]`
compares it with bicubic enlargement on COUNT fresh scenes through the VAE.

A pair is what the VAE's decoder gives at 256 x 256 and the same scene drawn at 512 x 512. A part of the latents was
first noised and denoised again by the UNet, so that the network also sees the model's own smudges where they belong.
The other stages' checkpoints are read again now and then: they may still be training.
"""
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

import workers
from muon import Muon
from pool import Pool, said
from scenes import draw, random_scene
from text import new_text
from tokenizer import ids, load_tokenizer
from unet import load_average, new_unet, rate, signal_shares
from vae import NOISE, as_tensor, load_vae, picture_loss, psnr
from workers import DEVICE

CONFIG = {"_class_name": "SRVGGNetCompact", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 48, "num_conv": 10, "upscale": 2,
          "act_type": "leakyrelu"}
BATCH, CROPS, SIDE = (4, 8, 64) if DEVICE.type == "cpu" else (24, 96, 96)  # pictures decoded at once; crops a step, their side
PEAK, BIAS_PEAK = .01, 3e-4  # learning rates of weights (Muon) and biases (AdamW)
RESUMED = .4  # of those rates, for a network that goes on from a trained one
SLOPES = 1.0  # weight of the squared error of slopes: its minimum is the mean of the slopes that are possible, where
# correlation is highest; the absolute error in picture_loss leads to their median
REDRAWN = .25  # share of the steps whose latents the UNet has redrawn
MINI = Path(__file__).parents[1] / "models" / "mini"
STEPS, STRENGTH = 3, (60, 380)  # of redrawing: steps, and the timestep where it starts
FRESH = 20  # seconds after which the other stages' weights are read again
WAITING, FRESH_SHARE = (600, .06) if DEVICE.type == "cpu" else (600, .3)  # decoded pictures kept; share of the steps with new ones
CHOICES, STRIDE = 3, 8  # of so many random places the one with most edges is cropped; pixels between two looks at them


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


@torch.no_grad()
def start_linear(net, shown, true):
    """Start as the best linear filter of 5 x 5 pixels for such pairs.

    The first convolution spreads the 3 x 3 pixels around each over 27 channels, the next ones let them pass (nothing is below
    zero), and least squares give the last one.
    """
    taps = 27
    for conv in net.body[::2][:-1]:
        conv.weight[:taps] = 0
        conv.bias[:taps] = 0
    for tap in range(taps):
        net.body[0].weight[tap, tap // 9, tap // 3 % 3, tap % 3] = 1
        for conv in net.body[2:-1:2]:
            conv.weight[tap, tap, 1, 1] = 1
    corners = [0, 2, 6, 8]  # further taps only bring pixels in a second time
    kept = [i for i in range(taps) if i % 9 == 4 or i % 9 in corners]
    spread = F.conv2d(shown, net.body[0].weight[kept], padding=1)
    columns = F.unfold(spread, 3, padding=1).permute(0, 2, 1).reshape(-1, 9 * len(kept))
    wanted = F.pixel_unshuffle(true - F.interpolate(shown, scale_factor=2, mode="nearest"), 2).permute(0, 2, 3, 1).reshape(-1, 12)
    columns, wanted = columns.double(), wanted.double()
    squares = columns.T @ columns + .1 * torch.eye(columns.shape[1], device=columns.device)
    filters = torch.linalg.solve(squares, columns.T @ wanted).T.reshape(12, len(kept), 3, 3).float()
    last = net.body[-1]
    last.weight.mul_(.1)
    last.bias.zero_()
    last.weight[:, :taps] = 0
    last.weight[:, kept] = filters


@torch.no_grad()
def start_narrower(net, trained):
    """Start as a trained network with fewer channels: what is added reads the old channels and is not read by them yet."""
    narrow = trained["body.0.weight"].shape[0]
    for name, value in net.state_dict().items():
        if name.endswith(".weight") and value.shape[1] > narrow:
            value[:trained[name].shape[0], narrow:] = 0
        value[tuple(slice(side) for side in trained[name].shape)] = trained[name]


def new_upscaler(painters, start):
    """The network as far as it was trained before, otherwise a linear filter for a start."""
    torch.manual_seed(0)
    net = SRVGGNetCompact().to(DEVICE)
    if start and "upscaler" in start:
        start_narrower(net, start["upscaler"])
    else:
        start_linear(net, *painters.crops())
    return net.to(memory_format=torch.channels_last)


def optimizers_of(net):
    """Muon for the weights of its convolutions and AdamW for their biases, at the rates PEAK and BIAS_PEAK."""
    convs = net.body[::2]
    return (Muon([conv.weight for conv in convs], PEAK),
            torch.optim.AdamW([conv.bias for conv in convs], BIAS_PEAK, betas=(.9, .99), weight_decay=0))


def edges_of(true):
    """How much changes from pixel to pixel in the crops of pictures [N,3,512,512], on a grid of STRIDE pixels of 256: numpy
    [N,rows,columns]. All at once, since each number that is fetched from a busy GPU waits for its turn there."""
    changes = F.avg_pool2d(true[:, 1:2].float().diff(dim=3, append=true[:, 1:2, :, -1:].float()).abs(), 2)
    return F.avg_pool2d(changes, SIDE, STRIDE)[:, 0].cpu().numpy()


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
        """What the decoder gives [N,3,256,256] and the true pictures [N,3,512,512], both uint8."""
        rows = self.pool.batch(BATCH)
        latents = rows["latent"].float()
        with workers.half():
            if self.rng.random() < REDRAWN:
                latents = self.redrawn(latents, said(rows["tokens"], self.nothing, .1))
            else:
                latents = latents + NOISE * torch.randn_like(latents) * float(self.rng.random())
            shown = self.vae.decode(latents).sample.float()
        return shown.clamp(-1, 1).add(1).mul(127.5).round().byte(), rows["picture"].permute(0, 3, 1, 2)

    def crops(self):
        """Random crops of pairs, in 0..1: [N,3,SIDE,SIDE], [N,3,2*SIDE,2*SIDE]."""
        self.refresh()
        if len(self.waiting) < 8 or self.rng.random() < FRESH_SHARE:
            shown, true = self.decoded()
            self.waiting += zip(shown, true, edges_of(true))
            del self.waiting[:-WAITING]
        small, large = [], []
        for i in self.rng.integers(len(self.waiting), size=CROPS):
            shown, true, edges = self.waiting[i]
            places = self.rng.integers(0, 257 - SIDE, (CHOICES, 2)).tolist()
            x, y = max(places, key=lambda place: edges[place[1] // STRIDE, place[0] // STRIDE])
            small.append(shown[:, y:y + SIDE, x:x + SIDE])
            large.append(true[:, 2 * y:2 * (y + SIDE), 2 * x:2 * (x + SIDE)])
        return torch.stack(small).float() / 255, torch.stack(large).float() / 255


def slopes(pictures):
    """Differences of luma between neighbours of pictures [N,3,H,W], in one row."""
    luma = torch.tensor([.299, .587, .114], device=pictures.device).view(1, 3, 1, 1)
    luma = (pictures * luma).sum(1)
    return torch.cat([(luma[:, 1:] - luma[:, :-1]).flatten(), (luma[..., 1:] - luma[..., :-1]).flatten()])


def edge_correlation(a, b):
    """Correlation of the gradients of luma of two pictures [N,3,H,W]."""
    return F.cosine_similarity(slopes(a), slopes(b), 0).item()


def train(rank, minutes):
    """Resumes checkpoints/upscaler.pt; the rates fall to zero at `minutes`."""
    state = workers.load("upscaler")
    painters = Painters(7000 + (state["step"] if state else 0))
    start = workers.load("start")
    share = RESUMED if start and "upscaler" in start else 1
    net = new_upscaler(painters, start)
    optimizers = optimizers_of(net)
    average = {k: v.clone() for k, v in net.state_dict().items()}
    step, spent, history = 0, 0.0, []
    if state:
        net.load_state_dict(state["model"])
        for optimizer, kept in zip(optimizers, state["optimizers"] or ()):
            optimizer.load_state_dict(kept)
        average, step, spent = state["average"], state["step"], state["minutes"]
    clock = workers.Clock(spent)

    def keep():
        workers.save("upscaler", model=net.state_dict(), average=average, step=step, minutes=spent,
                     optimizers=[optimizer.state_dict() for optimizer in optimizers])

    while (spent := clock.tick()) < minutes:
        for optimizer, peak in zip(optimizers, (PEAK, BIAS_PEAK)):
            workers.set_rate(optimizer, share * peak * rate(spent / minutes))
        shown, true = painters.crops()
        with workers.half():
            finer = net(shown.contiguous(memory_format=torch.channels_last)).float()
        wanted = slopes(true)
        off = (slopes(finer) - wanted).square().mean() / wanted.square().mean()
        loss = picture_loss(finer * 2 - 1, true * 2 - 1) + SLOPES * off
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        if torch.isfinite(loss):
            for optimizer in optimizers:
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


@torch.no_grad()
def measure(rank, count, folder):
    """Print PSNR and the correlation of edges with the scenes drawn at 512 x 512, beside bicubic's."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).to(DEVICE)
    net, rng, found = SRVGGNetCompact().to(DEVICE), np.random.default_rng(31), []
    net.load_state_dict({k: v.float() for k, v in load_file(folder / "upscaler" / "model.safetensors").items()})
    for _ in range(count):
        true = draw(random_scene(rng), rng, 2)
        small = as_tensor([cv2.resize(true, (256, 256), interpolation=cv2.INTER_AREA)])
        shown = vae.decode(vae.encode(small).latent_dist.mean).sample.clamp(-1, 1) / 2 + .5
        true = as_tensor([true]) / 2 + .5
        larger = net(shown).clamp(0, 1), F.interpolate(shown, scale_factor=2, mode="bicubic").clamp(0, 1)
        found.append([score for p in larger for score in (psnr(p * 2 - 1, true * 2 - 1), edge_correlation(p, true))])
    names = ("psnr", "edges", "bicubic psnr", "bicubic edges")
    report = {name: round(float(value), 3) for name, value in zip(names, np.mean(found, 0))}
    print(json.dumps(report), flush=True)
    (workers.HOME / "upscaled.json").write_text(json.dumps({"pictures": count, **report}, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "train":
        workers.spawn(train, float(sys.argv[2]))
    else:
        workers.spawn(measure, int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else MINI)
