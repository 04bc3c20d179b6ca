"""The denoiser: a UNet2DConditionModel that predicts v, trained together with the text encoder.

`python unet.py MINUTES [STOP]` trains, resuming checkpoints/unet.pt (run text.py first); the rate falls to zero at
MINUTES, and STOP interrupts earlier. With WORKERS=2 two processes share each step's batch.
"""
import math
import sys

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

import workers
from pool import Pool, said
from text import WIDTH, new_text
from tokenizer import ids, load_tokenizer
from vae import CHANNELS
from workers import DEVICE, WORKERS

BATCH = 16 if DEVICE.type == "cpu" else 256  # pictures a step, over all workers
PEAK = 8e-4 if DEVICE.type == "cpu" else 1e-3  # learning rate; the text encoder learns at a quarter of it
NO_TEXT = .1  # share of empty captions
COUNTS = 1, 7, 2.5  # how much an error counts in a cell, in one of a face (some 30 of 1,024), in one of an arm
BETAS = dict(num_train_timesteps=1000, beta_start=.00085, beta_end=.02, beta_schedule="scaled_linear")
CONFIG = dict(
    sample_size=32, in_channels=CHANNELS, out_channels=CHANNELS, block_out_channels=(48, 96, 192),
    layers_per_block=1, norm_num_groups=16, cross_attention_dim=WIDTH, attention_head_dim=(1, 3, 6),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))


def new_unet():
    """A UNet with plain attention: its backward pass is the faster one on a CPU, and the fused one is suspected of NaN on a GPU."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**CONFIG).to(DEVICE)
    unet.set_attn_processor(AttnProcessor())
    return unet


def load_average(modules):
    """Load the averaged weights into a UNet and a text encoder: the checkpoint's, or those a round starts from."""
    state, start = workers.load("unet"), workers.load("start")
    for module, values in zip(modules, state["average"] if state else (start["unet"], start["text"])):
        module.load_state_dict(values)


def signal_shares():
    """alphas_cumprod [1000] of BETAS."""
    betas = torch.linspace(BETAS["beta_start"] ** .5, BETAS["beta_end"] ** .5, BETAS["num_train_timesteps"]) ** 2
    return torch.cumprod(1 - betas, 0).to(DEVICE)


def loss_weight(people):
    """Loss weight [N,1,32,32]: double where the things are, and more in the cells of faces and arms (people: see pool.py)."""
    weight = torch.ones(32, 32, device=DEVICE)
    weight[7:30, 2:30] = 2
    return (weight / weight.mean() * torch.tensor(COUNTS, device=DEVICE)[people.long()]).unsqueeze(1)


class Average:
    """Exponential moving average of the parameters of some modules."""

    def __init__(self, modules, state=None):
        self.modules = modules
        self.values = state or [{k: v.detach().clone() for k, v in m.state_dict().items()} for m in modules]

    @torch.no_grad()
    def update(self, step):
        decay = min(.998, (1 + step) / (10 + step))
        for module, values in zip(self.modules, self.values):
            pairs = [(values[k], v) for k, v in module.state_dict().items() if v.is_floating_point()]
            torch._foreach_lerp_([kept for kept, _ in pairs], [v for _, v in pairs], 1 - decay)


def rate(share):
    """Learning rate over a stage, as a share of the peak: flat for a half, then a cosine to zero."""
    return 1.0 if share < .5 else max(0.0, math.cos(math.pi * (share - .5)))


def step_loss(unet, text, latents, tokens, shares, weight, control=None, hints=None):
    """Min-SNR weighted error of v at stratified timesteps; a ControlNet's features of `hints` join in."""
    count = len(latents)
    t = ((torch.randperm(count, device=DEVICE) + torch.rand(count, device=DEVICE)) / count * len(shares)).long().clamp(max=len(shares) - 1)
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
    tokenizer = load_tokenizer(workers.HOME / "tokenizer")
    nothing = ids(tokenizer, [""])[0].to(DEVICE)
    unet, text, state = new_unet(), new_text(tokenizer), workers.load("unet")
    if workers.load("start"):
        load_average((unet, text))
    if taught := workers.load("text"):
        text.load_state_dict(taught["model"])
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
    shares = signal_shares()
    pool, losses = Pool("scenes", 5000 + 10 * step + rank), []
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
        rows = pool.batch(BATCH // WORKERS)
        loss = step_loss(unet, text, rows["latent"].float(), said(rows["tokens"], nothing, NO_TEXT), shares,
                         loss_weight(rows["people"]))
        optimizer.zero_grad()
        loss.backward()
        workers.share_gradients(parameters)
        workers.step(optimizer, parameters)
        average.update(step)
        step, samples = step + 1, samples + BATCH
        losses.append(loss.detach())
        if rank == 0 and step % 50 == 0:
            print(f"unet {spent:5.1f} min step {step} samples {samples} loss {torch.stack(losses[-50:]).mean():.4f}", flush=True)
        if clock.due():
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else math.inf)
