"""How good is models/mini? A small classifier names what it sees in pictures drawn through diffusers' pipeline.

`python judge.py train MINUTES` trains the classifier on renders, further where checkpoints/judge.pt is there;
`python judge.py measure COUNT [FOLDER [STEPS [GUIDANCE]]]` draws COUNT fresh prompts of each kind and prints the
shares it names right, beside its own ceilings on renders of the same scenes and on their VAE reconstructions.
"""
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import nn

import workers
from answers import QUESTIONS, answer_loss, heads, truths
from captions import article, caption
from export import TARGET
from pool import JUDGE_SIDE as SIDE
from pool import Pool, kind_scene
from scenes import Scene, draw, pick, random_thing, sheet
from vae import as_pictures, as_tensor, latents_of, load_vae, psnr
from words import COLOURS, OBJECTS, PLACES
from workers import DEVICE

KINDS = ("one", "aside", "two", "person", "held out")
MARGIN = 3  # pixels a picture is moved by, at most, while the classifier learns
BATCH = 64 if DEVICE.type == "cpu" else 256  # pictures a step
AT_ONCE = 8 if DEVICE.type == "cpu" else 100  # pictures drawn together


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width):
        super().__init__()
        self.ways = nn.Sequential(*(layer for _ in range(2) for layer in (
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))))

    def forward(self, seen):
        return seen + self.ways(seen)


class Judge(nn.Module):
    """Answers to every question from a picture [N,3,96,96] in -1..1."""

    def __init__(self):
        super().__init__()
        widths, layers = (32, 64, 112, 160), [nn.Conv2d(3, 32, 5, 2, 2)]
        for a, b in zip(widths, widths[1:]):
            layers += [Residual(a), nn.Conv2d(a, b, 3, 2, 1)]
        layers += [Residual(160), nn.Flatten(), nn.Dropout(.2), nn.Linear(160 * 36, 384), nn.ReLU()]
        self.trunk = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.heads = heads(384)

    def forward(self, pictures):
        seen = self.trunk(pictures)
        return [head(seen) for head in self.heads]


def shrunk(picture):
    """A uint8 picture of any size -> uint8 [96,96,3]."""
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def small(pictures):
    """uint8 pictures of any size -> float32 [N,3,96,96]."""
    return as_tensor([shrunk(p) for p in pictures])


def shifted(pictures, rng):
    """Pictures moved by a few pixels, their edges repeated."""
    x, y = rng.integers(0, 2 * MARGIN + 1, 2)
    wide = nn.functional.pad(pictures, (MARGIN,) * 4, mode="replicate")
    return wide[..., y:y + SIDE, x:x + SIDE]


def train(rank, minutes):
    """Train on renders of every kind, moved, some of them blurred and noisy."""
    judge, before = Judge().to(DEVICE), workers.load("judge") or {"minutes": 0}
    if "model" in before:
        judge.load_state_dict(before["model"])
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=.02)
    clock, step, pool = workers.Clock(), 0, Pool("judge", 77 + round(before["minutes"]), drawn=15)
    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, 2e-3 * (1 - spent / minutes))
        rows = pool.batch(BATCH)
        shown = shifted(rows["judged"].permute(0, 3, 1, 2).float() / 127.5 - 1, pool.rng)
        if pool.rng.random() < .3:
            shown = nn.functional.avg_pool2d(shown, 3, 1, 1)
        shown = shown + torch.randn_like(shown) * pool.rng.uniform(0, .12)
        with workers.half():
            guesses = judge(shown.contiguous(memory_format=torch.channels_last))
        loss = answer_loss([guess.float() for guess in guesses], rows["truth"].long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 80 == 0:
            print(f"judge {spent:.1f} min step {step} pictures {pool.filled()} loss {loss.item():.3f}", flush=True)
        if clock.due():
            workers.save("judge", model=judge.state_dict(), minutes=before["minutes"] + spent)
    workers.save("judge", model=judge.state_dict(), minutes=before["minutes"] + minutes)


@torch.no_grad()
def hits(judge, pictures, scenes):
    """-> float [N, questions]: 1 where the judge answers as the scene says, nan where the answer is 'none'."""
    judge.eval()
    truth = truths(scenes, "cpu").numpy()
    guesses = np.stack([guess.argmax(1).cpu().numpy() for guess in judge(small(pictures))], 1)
    none = truth == np.array([len(names) for names in QUESTIONS.values()])
    return np.where(none, np.nan, guesses == truth)


def shares(found):
    """Share right for every question that was asked (both things' together), for every thing of a picture with its
    colour, and for all of a picture at once."""
    columns = dict(zip(QUESTIONS, found.T))
    table = {q: np.concatenate([columns[q], columns.get(f"second {q}", [])]) for q in QUESTIONS if "second" not in q}
    asked = {q: round(float(np.nanmean(v)), 3) for q, v in table.items() if not np.isnan(v).all()}
    right = np.nan_to_num(found, nan=1) == 1
    things = right[:, [q.split()[-1] in ("object", "colour") for q in QUESTIONS]]
    return {**asked, "things": round(float(things.all(1).mean()), 3), "all": round(float(right.all(1).mean()), 3)}


def fresh_scenes(kind, count, rng):
    """Scenes of one kind (see pool.py)."""
    return [kind_scene(kind, rng) for _ in range(count)]


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
    torch.set_num_threads(os.cpu_count())  # one process draws, unlike in training
    return pipe


def paint(pipe, prompts, seeds, steps=20, guidance=5, negatives=None):
    """Pictures (uint8 [256,256,3]) of prompts, each from its own seed."""
    pictures = []
    for i in range(0, len(prompts), AT_ONCE):
        generators = [torch.Generator().manual_seed(int(s)) for s in seeds[i:i + AT_ONCE]]
        pictures += list(pipe(list(prompts[i:i + AT_ONCE]), negative_prompt=negatives and negatives[i:i + AT_ONCE],
                              num_inference_steps=steps, guidance_scale=guidance, generator=generators,
                              output_type="np").images)
    return [np.rint(p * 255).astype(np.uint8) for p in pictures]


@torch.no_grad()
def removed(judge, pipe, count, *how):
    """How often a negative prompt takes away what the same seed gives without it: a colour that nobody asked for, and
    the second of two things."""
    rng, questions = np.random.default_rng(8), list(QUESTIONS)
    one, two = ([Scene(tuple(random_thing(rng, side) for side in sides), pick(PLACES, rng), "day", "plain")
                 for _ in range(count)] for sides in (("centre",), ("left", "right")))
    bare = [f"{article(scene.things[0].name)} {PLACES[scene.place][0]}" for scene in one]
    name = lambda pictures, q: judge(small(pictures))[questions.index(q)].argmax(1).tolist()
    judge.eval()
    before = name(paint(pipe, bare, range(count), *how), "colour")
    said = [(*COLOURS, "")[i] for i in before]
    after = name(paint(pipe, bare, range(count), *how, negatives=said), "colour")
    both = [caption(scene, rng, complete=True) for scene in two]
    there = [i == list(OBJECTS).index(scene.things[1].name) for i, scene in
             zip(name(paint(pipe, both, range(count), *how), "second object"), two)]
    against = paint(pipe, both, range(count), *how, negatives=[scene.things[1].name for scene in two])
    still = [i == list(OBJECTS).index(scene.things[1].name) for i, scene in zip(name(against, "second object"), two)]
    return {"colour": round(float(np.mean([a != b for a, b in zip(before, after)])), 3),
            "second thing": round(1 - sum(s and t for s, t in zip(still, there)) / max(sum(there), 1), 3)}


def measure(rank, count, folder=TARGET, steps=20, guidance=5):
    """Print accuracies on COUNT prompts of each kind; write judged-STEPS.json and a contact sheet for each kind."""
    judge, rng = Judge().to(DEVICE), np.random.default_rng(5)
    judge.load_state_dict(workers.load("judge")["model"])
    pipe, report = pipeline(folder), {"steps": steps, "guidance": guidance, "of each kind": count}
    for kind in KINDS:
        scenes = fresh_scenes(kind, count, np.random.default_rng(99))
        renders = [draw(scene, rng) for scene in scenes]
        rebuilt = reconstructions(renders)
        prompts = [caption(scene, rng, complete=True) for scene in scenes]
        pictures = paint(pipe, prompts, range(count), steps, guidance)
        found = hits(judge, pictures, scenes)
        report[kind] = {"generated": shares(found), "renders": shares(hits(judge, renders, scenes)),
                        "reconstructions": shares(hits(judge, as_pictures(rebuilt), scenes)),
                        "psnr": round(psnr(rebuilt, as_tensor(renders)), 2),
                        "missed": [p for p, row in zip(prompts, found) if (row == 0).any()][:10]}
        shown = [cv2.resize(p, (128, 128), interpolation=cv2.INTER_AREA) for p in pictures[:96]]
        name = f"judged-{steps}-{kind.replace(' ', '-')}.png"
        cv2.imwrite(str(workers.HOME / name), sheet(shown, 12)[..., ::-1])
        print(kind, json.dumps(report[kind]["generated"]), flush=True)
    report["removed by a negative prompt"] = removed(judge, pipe, max(count // 4, 1), steps, guidance)
    print(json.dumps(report["removed by a negative prompt"]), flush=True)
    (workers.HOME / f"judged-{steps}.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "train":
        workers.spawn(train, float(sys.argv[2]))
    else:
        folder = Path(sys.argv[3]) if len(sys.argv) > 3 else TARGET
        workers.spawn(measure, int(sys.argv[2]), folder, *(int(sys.argv[4]), *map(float, sys.argv[5:6]))
                      if len(sys.argv) > 4 else ())
