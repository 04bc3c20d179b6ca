"""The upscaler's last convolution, fitted anew to what `upscaler.py measure` asks for: `python refit.py COUNT`.

Correlation of slopes is highest where their squared error is least in proportion to the picture's own slopes, and the last
convolution enters that error as a square, so that L-BFGS over crops of COUNT scenes finds the best one for the layers below
it. All three colours change alike. It goes on from checkpoints/upscaler.pt, or start.pt, and writes upscaler.pt.
"""
import sys

import cv2
import numpy as np
import torch
from torch.nn import functional as F

import workers
from pack import trained
from scenes import draw, random_scene
from upscaler import SRVGGNetCompact
from vae import as_tensor, latents_of, load_vae
from workers import DEVICE

SIDE, CROPS = 64, 5  # pixels of a crop at 256; crops of a picture
VALUES = 100  # weight of the squared error of luma beside that of its slopes
STEPS = 40  # of L-BFGS; the loss moves no more after some 12
LUMA = torch.tensor([.299, .587, .114], device=DEVICE).view(1, 3, 1, 1)


def slopes(luma):
    """Differences [N,H-1,W] and [N,H,W-1] between neighbours of luma [N,H,W]."""
    return luma.diff(dim=1), luma.diff(dim=2)


@torch.no_grad()
def rows(net, vae, state, rng):
    """Of one scene: features [CROPS,48,SIDE+2,SIDE+2] that the last convolution reads, the luma [CROPS,2*SIDE,2*SIDE] that its
    result lacks, and the mean square of the whole picture's slopes."""
    picture = draw(random_scene(rng), rng, 2)
    small = as_tensor([cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)])
    shown = vae.decode(latents_of(state, small)).sample.clamp(-1, 1) / 2 + .5
    features = net.body[:-1](shown)
    finer = F.pixel_shuffle(net.body[-1](features), 2) + F.interpolate(shown, scale_factor=2, mode="nearest")
    true = as_tensor([picture]) / 2 + .5
    lacks = ((true - finer) * LUMA).sum(1)
    energy = sum(part.square().mean() for part in slopes((true * LUMA).sum(1))) / 2
    places = rng.integers(1, 255 - SIDE, (CROPS, 2)).tolist()
    return (torch.cat([features[..., y - 1:y + SIDE + 1, x - 1:x + SIDE + 1] for x, y in places]),
            torch.cat([lacks[:, 2 * y:2 * (y + SIDE), 2 * x:2 * (x + SIDE)] for x, y in places]), energy.expand(CROPS))


def whitened(features):
    """A matrix [433,433] that makes the columns of the convolution (3 x 3 pixels of features, and 1) independent of each other,
    without which L-BFGS needs thousands of steps."""
    columns = F.unfold(features[::4], 3).permute(0, 2, 1).reshape(-1, features.shape[1] * 9)[::4]
    columns = torch.cat([columns, torch.ones(len(columns), 1, device=DEVICE)], 1)
    squares = (columns.T @ columns).double()
    squares /= squares.diagonal().mean()
    return torch.linalg.inv(torch.linalg.cholesky(squares + 1e-5 * torch.eye(len(squares), device=DEVICE))).float()


def fit(features, lacks, energy):
    """What to add to the weights [4,48,3,3] and biases [4] of the four luma values that a pixel becomes."""
    basis, wanted, share = whitened(features), slopes(lacks), 1 / energy.view(-1, 1, 1)
    found = torch.zeros(4, len(basis), device=DEVICE, requires_grad=True)
    solver = torch.optim.LBFGS([found], max_iter=STEPS, history_size=20, line_search_fn="strong_wolfe")
    parts = lambda: ((found @ basis)[:, :-1].reshape(4, -1, 3, 3), (found @ basis)[:, -1])

    def closure():
        solver.zero_grad()
        added = F.pixel_shuffle(F.conv2d(features, *parts()), 2)[:, 0]
        off = sum(((a - b).square() * share).mean() for a, b in zip(slopes(added), wanted)) / 2
        loss = off + VALUES * (added - lacks).square().mean()
        loss.backward()
        print(f"slopes {off.item():.5f} loss {loss.item():.5f}", flush=True)
        return loss

    solver.step(closure)
    return [part.detach() for part in parts()]


def refit(rank, count):
    """Fit it over `count` scenes."""
    torch.set_num_threads(2)
    net, (vae, state), rng = SRVGGNetCompact().to(DEVICE), load_vae(), np.random.default_rng(777)
    net.load_state_dict(trained()["upscaler"])
    weights, biases = fit(*map(torch.cat, zip(*(rows(net, vae, state, rng) for _ in range(count)))))
    with torch.no_grad():
        net.body[-1].weight += weights.repeat(3, 1, 1, 1)
        net.body[-1].bias += biases.repeat(3)
    workers.save("upscaler", model=net.state_dict(), average=net.state_dict(), step=0, minutes=0.0, optimizers=None)


if __name__ == "__main__":
    workers.spawn(refit, int(sys.argv[1]))
