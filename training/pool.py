"""Scenes drawn ahead: rows of arrays that the stages take their batches from.

On a CPU a stage draws the rows of its own pool. Where the variable POOLS names a folder, other processes draw them:
`python pool.py KIND SEED COUNT` fills COUNT parts of POOLS/KIND until it is ended, and any number of stages read them.
"""
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch

import workers
from answers import QUESTIONS, answers
from captions import caption
from hints import canny, indexed, stick_figures
from people import JOINTS
from scenes import LOOSE, PEOPLE, Scene, Thing, draw_posed, pick, pick_pose, random_scene, random_thing
from tokenizer import LENGTH, ids, load_tokenizer
from vae import as_tensor, latents_of, load_vae
from words import COLOURS, FIGURES, PLACES, STYLES, TIMES

POOLS = os.environ.get("POOLS")
PATIENCE = 300  # seconds to wait for the first rows
CAPTIONS = 4  # captions of a row, each in other words
JUDGE_SIDE, FINDER_SIDE = 96, 128  # pixels of a picture as the judge sees it, and as the finder of joints does
FIELDS = {  # name -> shape and type of one row
    "tokens": ((CAPTIONS, LENGTH), np.int16), "latent": ((8, 32, 32), np.float16),
    "people": ((32, 32), np.uint8), "edges": ((256 * 32,), np.uint8), "figure": ((256, 256), np.uint8), "picture": ((512, 512, 3), np.uint8),
    "judged": ((JUDGE_SIDE, JUDGE_SIDE, 3), np.uint8), "truth": ((len(QUESTIONS),), np.int8),
    "seen": ((FINDER_SIDE, FINDER_SIDE, 3), np.uint8), "joints": ((len(JOINTS), 2), np.float32)}
HOLDS = {  # kind -> its fields
    "scenes": ("tokens", "latent", "people", "edges"), "poses": ("tokens", "latent", "people", "figure"),
    "pairs": ("tokens", "latent", "picture"), "judge": ("judged", "truth"), "joints": ("seen", "joints")}
ROWS = {"scenes": 20_000, "poses": 8_000, "pairs": 3000 if POOLS else 600, "judge": 30_000, "joints": 12_000}  # of one part, at most
FIRST = {"scenes": 1000, "poses": 300, "pairs": 60, "judge": 320, "joints": 160}  # drawn before the first batch
CROWD = {"scenes": .6, "poses": .6}  # share of people among the things of these rows
FREE = ("poses", "joints")  # rows whose people are all loose: a ControlNet has to follow any pose
FACE, ARM = 1, 2  # what a cell of the latents holds of a person
ARMS, ARM_REACH = ((2, 3), (3, 4), (5, 6), (6, 7)), 11  # joints that an arm joins, and how far from it a cell is its, in pixels
TWO_HARD = {"one": 4, "aside": 6, "two": 12, "person": 4, "held out": 4}  # shares of the judge's kinds


def kind_scene(kind, rng):
    """A scene of one kind: one thing in the middle, one aside, two, a person, or a pair held out of training."""
    sides = {"two": ("left", "right"), "aside": (pick(("left", "right"), rng),)}.get(kind, ("centre",))
    things = tuple(random_thing(rng, side, kind == "held out") for side in sides)
    if kind == "person":
        things = (Thing(pick(FIGURES, rng), pick(COLOURS, rng), "centre", pick_pose(rng)),)
    return Scene(things, pick(PLACES, rng), pick(TIMES, rng), pick(STYLES, rng))


def scene_for(kind, rng):
    """A scene for a row of a pool."""
    if kind == "judge":
        return kind_scene(pick([k for k, share in TWO_HARD.items() for _ in range(share)], rng), rng)
    if kind == "joints":
        return kind_scene("person", rng)
    while True:
        scene = random_scene(rng, people=CROWD.get(kind, PEOPLE))
        if kind != "poses" or any(thing.pose for thing in scene.things):
            return scene


def people_cells(people):
    """uint8 [32,32]: FACE in the cells of the latents that hold a face of these people (joints [18,2] each, in pixels), ARM in
    those of their arms."""
    y, x = np.mgrid[4:256:8, 4:256:8]
    cells = np.zeros((32, 32), np.uint8)
    for joints in people:
        for start, end in ARMS:
            (left, top), (across, down) = joints[start], joints[end] - joints[start]
            along = np.clip(((x - left) * across + (y - top) * down) / max(across ** 2 + down ** 2, 1e-6), 0, 1)
            cells[np.hypot(x - left - along * across, y - top - along * down) < ARM_REACH] = ARM
    for joints in people:
        (middle, eyes), reach = joints[14:16].mean(0), abs(joints[15, 0] - joints[14, 0]) / 2
        cells[(np.abs(x - middle) < 2.6 * reach) & (y - eyes > -2 * reach) & (y - eyes < 3 * reach)] = FACE
    return cells


class Part:
    """Rows in memory, or in files that other processes read while they are written."""

    def __init__(self, kind, folder=None, write=False):
        self.size = ROWS[kind]
        if folder is None:
            self.arrays = {name: np.empty((self.size, *FIELDS[name][0]), FIELDS[name][1]) for name in HOLDS[kind]}
            self.count = np.zeros(1, np.int64)
            return
        files = {name: np.memmap(folder / name, dtype, "w+" if write else "r", shape=(self.size, *shape))
                 for name, (shape, dtype) in FIELDS.items() if name in HOLDS[kind]}
        self.arrays, self.count = files, np.memmap(folder / "count", np.int64, "w+" if write else "r", shape=(1,))

    def put(self, row, rng):
        """Add a row; when the part is full it takes the place of another."""
        i = int(self.count[0])
        i = i if i < self.size else int(rng.integers(self.size))
        for name, value in row.items():
            self.arrays[name][i] = value
        self.count[0] += 1

    def filled(self):
        return min(int(self.count[0]), self.size)


class Drawer:
    """Draws rows of a kind."""

    def __init__(self, kind, seed):
        self.kind, self.rng = kind, np.random.default_rng(seed)
        if "latent" in HOLDS[kind]:
            self.tokenizer, (_, self.vae_state) = load_tokenizer(workers.HOME / "tokenizer"), load_vae()

    def row(self):
        """One new row: field -> value."""
        scene = scene_for(self.kind, self.rng)
        drawn, people = draw_posed(scene, self.rng, 2 if self.kind == "pairs" else 1, 1 if self.kind in FREE else LOOSE)
        fields, side = HOLDS[self.kind], lambda n: cv2.resize(drawn, (n, n), interpolation=cv2.INTER_AREA)
        row = {"picture": drawn} if "picture" in fields else {}
        if "latent" in fields:
            picture = side(256) if self.kind == "pairs" else drawn
            row["latent"] = latents_of(self.vae_state, as_tensor([picture]))[0].numpy()
            row["tokens"] = ids(self.tokenizer, [caption(scene, self.rng) for _ in range(CAPTIONS)]).numpy()
        if "people" in fields:
            row["people"] = people_cells(people)
        if "edges" in fields:
            row["edges"] = np.packbits(canny(drawn)[..., 0] > 0)
        if "figure" in fields:
            row["figure"] = indexed(stick_figures(people))
        if "judged" in fields:
            row |= {"judged": side(JUDGE_SIDE), "truth": answers(scene)}
        if "seen" in fields:
            row |= {"seen": side(FINDER_SIDE), "joints": people[0] / 256}
        return row


class Pool:
    """Rows of a kind to take batches from; in one process `drawn` new ones before each batch."""

    def __init__(self, kind, seed, drawn=2):
        self.kind, self.rng, self.drawn, self.listed = kind, np.random.default_rng(seed), drawn, 0.0
        self.parts = [] if POOLS else [Part(kind)]
        if not POOLS:
            self.drawer = Drawer(kind, seed)
            self.add(FIRST[kind])
        begun = time.time()
        while self.filled() < FIRST[kind]:
            if time.time() - begun > PATIENCE:
                raise TimeoutError(f"{POOLS}/{kind} has only {self.filled()} rows after {PATIENCE} seconds; is pool.py running?")
            time.sleep(1)

    def add(self, count):
        for _ in range(count):
            self.parts[0].put(self.drawer.row(), self.rng)

    def filled(self):
        """How many rows there are to choose from."""
        if POOLS and time.time() - self.listed > 5:
            folders = sorted(p for p in (Path(POOLS) / self.kind).glob("part-*"))
            self.parts = [Part(self.kind, folder) for folder in folders]
            self.listed = time.time()
        return sum(part.filled() for part in self.parts)

    def batch(self, count):
        """-> field -> torch tensor [count, ...] on the device, of rows chosen at random."""
        if not POOLS:
            self.add(self.drawn)
        self.filled()
        ends = np.cumsum([part.filled() for part in self.parts])
        chosen = np.sort(self.rng.integers(ends[-1], size=count))
        owner = np.searchsorted(ends, chosen, side="right")
        rows = chosen - np.concatenate([[0], ends])[owner]
        return {name: torch.from_numpy(np.stack([self.parts[p].arrays[name][i] for p, i in zip(owner, rows)]))
                .to(workers.DEVICE) for name in HOLDS[self.kind]}


def said(tokens, nothing, none):
    """One of each row's captions, int64 [N,LENGTH]; a share `none` of them replaced by `nothing` [LENGTH]."""
    count = len(tokens)
    texts = tokens[torch.arange(count), torch.randint(CAPTIONS, (count,))].long()
    texts[torch.rand(count) < none] = nothing
    return texts


def fill(kind, seed):
    """Draw rows into a new part of POOLS/KIND until this process is ended."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    home = Path(POOLS) / kind
    fresh = home / f".part-{seed}"
    fresh.mkdir(parents=True)
    drawer, part = Drawer(kind, seed), Part(kind, fresh, write=True)
    fresh.rename(home / f"part-{seed}")
    while True:
        part.put(drawer.row(), drawer.rng)


def main(kind, seed, count):
    """`count` processes that fill a part each; they end with this one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.nice(10)  # a stage that waits for a core leaves the GPU idle
    for i in range(count):
        multiprocessing.get_context("fork").Process(target=fill, args=(kind, seed + i), daemon=True).start()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
