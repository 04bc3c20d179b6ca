"""The picture compressor: AutoencoderKL, 8 x smaller, 8 channels.

Its encoder is fixed (pyramid.py), so the UNet can learn from the first minute while the decoder still does.
`python vae.py MINUTES` trains the decoder on crops of scenes, resuming checkpoints/vae.pt.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

import workers
from pyramid import NOISE, components, projection_of, set_decoder, set_encoder
from scenes import draw, random_scene
from workers import DEVICE

CHANNELS = 8
CROP = 128  # pixels
BATCH = 6 if DEVICE.type == "cpu" else 64  # crops a step
PEAK = 1.2e-3  # learning rate
OPPONENT = torch.tensor([[.299, .587, .114], [.7, -.7, 0], [-.3, -.3, .6]])  # luma, red-green, blue-yellow


CONFIG = dict(
    latent_channels=CHANNELS, block_out_channels=(32, 48, 96, 128), layers_per_block=1, norm_num_groups=8,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    sample_size=256, scaling_factor=1.0)


def new_state():
    """The first checkpoint: the final encoder, and a decoder that passes mean colours."""
    torch.manual_seed(0)
    vae = AutoencoderKL(**CONFIG)
    rng = np.random.default_rng(1)
    pictures = np.stack([draw(random_scene(rng), rng) for _ in range(400)]).astype(np.float32) / 127.5 - 1
    encode, decode, mean = components(pictures, CHANNELS)
    set_encoder(vae, encode, mean)
    set_decoder(vae, decode, mean)
    projection = torch.tensor(encode).float().reshape(CHANNELS, 8, 8, 3).permute(0, 3, 1, 2).contiguous()
    return dict(model=vae.state_dict(), projection=projection, offset=torch.tensor(-encode @ mean).float(),
                minutes=0.0, step=0, optimizer=None)


def resumed_state():
    """The first checkpoint of a round that goes on from a finished model (start.pt, see resume.py)."""
    start = workers.load("start")
    if not start:
        return None
    vae = AutoencoderKL(**CONFIG)
    vae.load_state_dict(start["vae"])
    projection, offset = projection_of(vae, CHANNELS)
    return dict(model=vae.state_dict(), projection=projection, offset=offset, minutes=0.0, step=0, optimizer=None)


def load_vae():
    """-> the VAE as far as it is trained, its checkpoint (made anew when there is none)."""
    state = workers.load("vae")
    if state is None:
        state = resumed_state() or new_state()
        workers.save("vae", **state)
    vae = AutoencoderKL(**CONFIG)
    vae.load_state_dict(state["model"])
    return vae.to(DEVICE), state


def latents_of(state, pictures):
    """What the encoder computes, in one convolution: [N,3,H,W] in -1..1 -> [N,8,H/8,W/8]."""
    return F.conv2d(pictures, state["projection"].to(DEVICE), state["offset"].to(DEVICE), stride=8)


def picture_loss(shown, true):
    """Error of [N,3,H,W] pictures in -1..1: values and their differences, in opponent colours."""
    error = torch.einsum("oc,nchw->nohw", OPPONENT.to(true.device), shown - true)
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + 2 * error.square().mean() + .5 * edges


def as_tensor(pictures):
    """uint8 pictures [N,H,W,3] -> float32 [N,3,H,W] in -1..1 on the device."""
    return torch.from_numpy(np.stack(pictures)).to(DEVICE).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def as_pictures(tensor):
    """The reverse of as_tensor: a list of uint8 [H,W,3]."""
    return list(tensor.float().clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy())


def psnr(shown, true):
    """Decibels between two tensors in -1..1."""
    return 10 * torch.log10(4 / (shown.clamp(-1, 1) - true).square().mean()).item()


def crops(rng, pictures):
    """A random crop of each picture [N,3,256,256], on the grid of the latents."""
    corners = rng.integers(0, (256 - CROP) // 8 + 1, (len(pictures), 2)) * 8
    return torch.stack([p[:, y:y + CROP, x:x + CROP] for p, (x, y) in zip(pictures, corners)])


def train(rank, minutes):
    """Train the decoder; the rate falls to zero at `minutes`."""
    from pool import Pool  # which needs this module's encoder
    vae, state = load_vae()
    trained = list(vae.decoder.parameters())
    optimizer = torch.optim.AdamW(trained, PEAK, betas=(.9, .98), weight_decay=0)
    if state["optimizer"]:
        optimizer.load_state_dict(state["optimizer"])
    step, pool, history = state["step"], Pool("pairs", 1000 + state["step"]), []
    clock = workers.Clock(state["minutes"])

    def keep():
        state.update(model=vae.state_dict(), optimizer=optimizer.state_dict(), minutes=spent, step=step)
        workers.save("vae", **state)

    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, PEAK * min(1, (step + 1) / 60) * min(1, 1.4 * (1 - spent / minutes)))
        pictures = pool.batch(BATCH)["picture"].permute(0, 3, 1, 2).float()
        true = crops(pool.rng, F.avg_pool2d(pictures, 2) / 127.5 - 1)
        latents = latents_of(state, true)
        with workers.half():
            shown = vae.decode(latents + NOISE * torch.randn_like(latents)).sample.float()
        loss = picture_loss(shown, true)
        optimizer.zero_grad()
        loss.backward()
        workers.step(optimizer, trained)
        step += 1
        if step % 25 == 0:
            history.append([loss.item(), psnr(shown.detach(), true)])
        if step % 100 == 0:
            print(f"vae {spent:5.1f} min step {step} loss %.4f psnr %.2f" % tuple(np.mean(history[-8:], 0)), flush=True)
        if clock.due():
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, float(sys.argv[1]))
