"""How good is models/mini? A small classifier names what it sees in pictures drawn through diffusers' pipeline.

`python judge.py train MINUTES` trains the classifier on renders (checkpoints/judge.pt);
`python judge.py measure COUNT` draws COUNT fresh random scenes as prompts and prints the shares it names right,
beside its own ceilings on renders of the same scenes and on their VAE reconstructions.
"""
import json
import sys

import cv2
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import nn

import workers
from captions import caption
from export import TARGET
from scenes import Scene, draw, random_scene, sheet
from text import target
from vae import as_pictures, as_tensor, latents_of, load_vae, psnr
from words import COLOURS, GROUPS, OBJECTS, PLACES, STYLES, TIMES
from workers import DEVICE

SIDE = 64  # pixels of a picture as the classifier sees it


class Judge(nn.Module):
    """Five answers from a picture [N,3,64,64] in -1..1."""

    def __init__(self):
        super().__init__()
        widths, layers = (3, 32, 64, 96, 128), []
        for a, b in zip(widths, widths[1:]):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(.2), nn.Linear(128 * 16, 256), nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(256, len(names) + 1) for names in GROUPS.values())

    def forward(self, pictures):
        seen = self.trunk(pictures)
        return [head(seen) for head in self.heads]


def small(pictures):
    """uint8 pictures of any size -> float32 [N,3,64,64]."""
    return as_tensor([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in pictures])


def train(rank, minutes):
    """Train on a growing pool of renders, some of them blurred and noisy."""
    judge, rng = Judge().to(DEVICE), np.random.default_rng(77)
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=.01)
    clock, step, pool, truths = workers.Clock(), 0, torch.empty(0, 3, SIDE, SIDE, device=DEVICE), []
    while (spent := clock.tick()) < minutes:
        if spent < .7 * minutes:
            scenes = [random_scene(rng) for _ in range(24)]
            pool = torch.cat([pool, small([draw(scene, rng) for scene in scenes])])
            truths += [target(scene) for scene in scenes]
        for _ in range(2 if spent < .7 * minutes else 8):
            workers.set_rate(optimizer, 2e-3 * (1 - spent / minutes))
            chosen = torch.from_numpy(rng.integers(len(pool), size=64))
            truth = torch.tensor([truths[i] for i in chosen], device=DEVICE)
            shown = pool[chosen.to(DEVICE)]
            shown = shown + torch.randn_like(shown) * rng.uniform(0, .12)
            loss = sum(nn.functional.cross_entropy(g, truth[:, i]) for i, g in enumerate(judge(shown)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        if step % 40 < 2:
            print(f"judge {spent:.1f} min step {step} pictures {len(pool)} loss {loss.item():.3f}", flush=True)
    workers.save("judge", model=judge.state_dict())


@torch.no_grad()
def right(judge, pictures, scenes):
    """-> bool [N, 5]: which attributes the judge names as in the scenes; a missing object or colour counts as right."""
    judge.eval()
    truth = np.array([target(scene) for scene in scenes])
    guesses = np.stack([g.argmax(1).cpu().numpy() for g in judge(small(pictures))], 1)
    absent = np.array([[scene.object is None, scene.colour is None, False, False, False] for scene in scenes])
    return (guesses == truth) | absent


def shares(hits):
    """Mean of every attribute, and of all at once."""
    named = {group: round(float(hits[:, i].mean()), 3) for i, group in enumerate(GROUPS)}
    return {**named, "all": round(float(hits.all(1).mean()), 3)}


def fresh_scenes(count, seed=99):
    """Scenes with an object, every attribute in even shares."""
    rng = np.random.default_rng(seed)
    decks = [rng.permutation([names[i % len(names)] for i in range(count)])
             for names in (list(OBJECTS), list(COLOURS), list(PLACES), list(TIMES), list(STYLES))]
    return [Scene(*(str(value) for value in values)) for values in zip(*decks)]


@torch.no_grad()
def reconstructions(pictures):
    """Pictures through the VAE."""
    vae, state = load_vae()
    shown = [vae.decode(latents_of(state, as_tensor(pictures[i:i + 8]))).sample for i in range(0, len(pictures), 8)]
    return torch.cat(shown)


def pipeline(folder=TARGET):
    """diffusers' own pipeline on the exported files, in float32."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32).to(DEVICE)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(pipe, prompts, seeds, steps=20, guidance=5):
    """Pictures (uint8 [256,256,3]) of prompts, each from its own seed."""
    pictures = []
    for i in range(0, len(prompts), 8):
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds[i:i + 8]]
        pictures += list(pipe(list(prompts[i:i + 8]), num_inference_steps=steps, guidance_scale=guidance,
                              generator=generators, output_type="np").images)
    return [np.rint(p * 255).astype(np.uint8) for p in pictures]


def measure(rank, count):
    """Print accuracies and write checkpoints/judged.{json,png}."""
    judge, rng = Judge().to(DEVICE), np.random.default_rng(5)
    judge.load_state_dict(workers.load("judge")["model"])
    scenes = fresh_scenes(count)
    renders = [draw(scene, rng) for scene in scenes]
    rebuilt = reconstructions(renders)
    decibels = {style: round(float(np.mean([psnr(rebuilt[i], as_tensor([renders[i]])[0])
                                            for i in range(count) if scenes[i].style == style])), 2) for style in STYLES}
    report = {"count": count, "renders": shares(right(judge, renders, scenes)),
              "reconstructions": shares(right(judge, as_pictures(rebuilt), scenes)),
              "psnr": {**decibels, "all": round(psnr(rebuilt, as_tensor(renders)), 2)}}
    prompts = [caption(scene, rng) for scene in scenes]
    pictures = paint(pipeline(), prompts, range(count))
    hits = right(judge, pictures, scenes)
    report["generated"] = shares(hits)
    report["missed"] = [p for p, h in zip(prompts, hits) if not h.all()][:40]
    (workers.HOME / "judged.json").write_text(json.dumps(report, indent=2))
    shown = [cv2.resize(p, (128, 128), interpolation=cv2.INTER_AREA) for p in pictures[:96]]
    cv2.imwrite(str(workers.HOME / "judged.png"), sheet(shown, 12)[..., ::-1])
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    workers.spawn({"train": train, "measure": measure}[sys.argv[1]],
                  {"train": float, "measure": int}[sys.argv[1]](sys.argv[2]))
