"""How closely do pictures follow what a ControlNet is given? Edges found again, and joints found by a small network.

`python adherence.py train MINUTES` trains the network that finds joints on renders (checkpoints/joints.pt);
`python adherence.py measure COUNT [FOLDER]` draws COUNT pictures with each ControlNet through diffusers' pipeline,
prints the shares beside their ceilings (renders, and their VAE reconstructions) and what the prompt alone gives, and
writes adherence.json with contact sheets.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from PIL import Image
from torch import nn

import workers
from captions import caption
from export import TARGET
from hints import canny, edge_agreement, stick_figures
from judge import AT_ONCE, fresh_scenes, paint, pipeline, reconstructions
from people import JOINTS
from pool import FINDER_SIDE as SIDE
from pool import Pool
from scenes import draw_posed, sheet
from vae import as_pictures, as_tensor
from workers import DEVICE

CELLS = 32  # of a map of where a joint is, in each direction
BATCH = 32 if DEVICE.type == "cpu" else 128  # pictures a step
NEAR = 6  # pixels of 256 within which a joint counts as found


class JointFinder(nn.Module):
    """Joints [N,18,2] in 0..1 from pictures [N,3,128,128] in -1..1: the centre of mass of a map for each."""

    def __init__(self):
        super().__init__()
        block = lambda a, b, gap=1: [nn.Conv2d(a, b, 3, padding=gap, dilation=gap), nn.BatchNorm2d(b), nn.ReLU()]
        self.trunk = nn.Sequential(*block(3, 24), nn.MaxPool2d(2), *block(24, 48), nn.MaxPool2d(2), *block(48, 64),
                                   *block(64, 64, 2), *block(64, 64, 4), *block(64, 64, 8), *block(64, 64),
                                   nn.Conv2d(64, len(JOINTS), 1))
        cells = (torch.arange(CELLS) + .5) / CELLS
        self.register_buffer("across", cells.expand(CELLS, CELLS).reshape(-1), False)
        self.register_buffer("down", cells[:, None].expand(CELLS, CELLS).reshape(-1), False)

    def forward(self, pictures):
        share = self.trunk(pictures).flatten(2).softmax(2)
        return torch.stack([share @ self.across, share @ self.down], 2)


def small(pictures):
    """uint8 pictures of any size -> float32 [N,3,128,128]."""
    return as_tensor([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in pictures])


def train(rank, minutes):
    """Train on renders of one figure in the middle, shown with noise."""
    finder, step = JointFinder().to(DEVICE), 0
    optimizer = torch.optim.AdamW(finder.parameters(), 2e-3, weight_decay=.01)
    clock, pool = workers.Clock(), Pool("joints", 78, drawn=8)
    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, 2e-3 * (1 - spent / minutes))
        rows = pool.batch(BATCH)
        shown = rows["seen"].permute(0, 3, 1, 2).float() / 127.5 - 1
        away = (finder(shown + torch.randn_like(shown) * pool.rng.uniform(0, .12)) - rows["joints"]).abs()
        optimizer.zero_grad()
        away.mean().backward()
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"joints {spent:.1f} min step {step} pictures {pool.filled()} off by {away.mean().item() * 256:.1f} px",
                  flush=True)
        if clock.due():
            workers.save("joints", model=finder.state_dict())
    workers.save("joints", model=finder.state_dict())


@torch.no_grad()
def joints_found(finder, pictures, joints):
    """Share of the joints [N,18,2] (pixels) that the network finds within NEAR in the pictures."""
    finder.eval()
    guesses = torch.cat([finder(small(pictures[i:i + 32])) for i in range(0, len(pictures), 32)]).cpu().numpy() * 256
    return round(float((np.hypot(*np.moveaxis(guesses - joints, 2, 0)) <= NEAR).mean()), 3)


def paint_from(pipe, prompts, hints, steps=20, guidance=5):
    """Pictures (uint8 [256,256,3]) of prompts and hints, each from its own seed."""
    pictures = []
    for i in range(0, len(prompts), AT_ONCE):
        generators = [torch.Generator().manual_seed(s) for s in range(i, min(i + AT_ONCE, len(prompts)))]
        pictures += list(pipe(prompts[i:i + AT_ONCE], image=[Image.fromarray(hint) for hint in hints[i:i + AT_ONCE]],
                              num_inference_steps=steps, guidance_scale=guidance, generator=generators,
                              output_type="np").images)
    return [np.rint(p * 255).astype(np.uint8) for p in pictures]


def measure(rank, count, folder=TARGET):
    """Print how much of the given edges and joints is in the pictures; write adherence.json and contact sheets."""
    finder, rng, report = JointFinder().to(DEVICE), np.random.default_rng(6), {"pictures": count}
    finder.load_state_dict(workers.load("joints")["model"])
    plain = pipeline(folder)
    for kind in ("canny", "openpose"):
        scenes = fresh_scenes("person" if kind == "openpose" else "one", count, rng)
        drawn = [draw_posed(scene, rng, loose=1) for scene in scenes]
        renders = [picture for picture, _ in drawn]
        hints = [canny(picture) if kind == "canny" else stick_figures(people) for picture, people in drawn]
        control = ControlNetModel.from_pretrained(folder / "controlnets" / kind, torch_dtype=torch.float32).to(DEVICE)
        pipe = StableDiffusionControlNetPipeline(**plain.components, controlnet=control)
        pipe.set_progress_bar_config(disable=True)
        prompts = [caption(scene, rng, complete=True) for scene in scenes]
        shown = {"generated": paint_from(pipe, prompts, hints), "prompt alone": paint(plain, prompts, range(count)),
                 "renders": renders, "reconstructions": as_pictures(reconstructions(renders))}
        if kind == "canny":
            share = lambda pictures: round(float(np.mean([edge_agreement(canny(p), h) for p, h in zip(pictures, hints)])), 3)
        else:
            joints = np.stack([people[0] for _, people in drawn])
            share = lambda pictures: joints_found(finder, pictures, joints)
        report[kind] = {name: share(pictures) for name, pictures in shown.items()}
        print(kind, json.dumps(report[kind]), flush=True)
        pairs = [cv2.resize(p, (128, 128), interpolation=cv2.INTER_AREA)
                 for pair in zip(hints[:32], shown["generated"]) for p in pair]
        cv2.imwrite(str(workers.HOME / f"adherence-{kind}.png"), sheet(pairs, 8)[..., ::-1])
    (workers.HOME / "adherence.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "train":
        workers.spawn(train, float(sys.argv[2]))
    else:
        workers.spawn(measure, int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else TARGET)
