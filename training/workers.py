"""What every training stage needs: workers, the device, pausing, gradients shared, checkpoints."""
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

HOME = Path(os.environ.get("CHECKPOINTS", Path(__file__).parent / "checkpoints"))
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HAS_BFLOAT16 = DEVICE.type != "cpu" or any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "bf16"))
KEEP = 60  # seconds between two checkpoints
WORKERS = int(os.environ.get("WORKERS", "1"))  # processes that share one training; more than one only on a CPU


def spawn(stage, *arguments):
    """Run stage(rank, *arguments) in WORKERS processes; on a CPU each has one thread."""
    HOME.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    if DEVICE.type == "cpu":
        torch.set_num_threads(1)
    if WORKERS == 1:
        stage(0, *arguments)
    else:
        mp.spawn(_enter, (stage, f"file://{HOME}/meeting-{os.getpid()}", arguments), nprocs=WORKERS)


def _enter(rank, stage, meeting, arguments):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=WORKERS)
    stage(rank, *arguments)
    dist.destroy_process_group()


def half():
    """Mixed precision: bfloat16 for convolutions and matrix products. A CPU that has none computes in float32, which is 13 times
    as fast there as to imitate it (a step of the upscaler with AVX2 alone: 0.8 s and 10 s)."""
    return torch.autocast(DEVICE.type, torch.bfloat16, enabled=HAS_BFLOAT16)


def share_gradients(parameters):
    """Mean of the gradients over the workers, in one message."""
    if WORKERS == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= WORKERS
    for gradient, piece in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(piece.view_as(gradient))


def step(optimizer, parameters):
    """One step along clipped gradients; gradients that are not finite are left out and said."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    if torch.isfinite(norm):
        optimizer.step()
    else:
        print("a step was left out: its gradients are not finite", flush=True)


def agree(value):
    """Worker 0's number, for every worker."""
    if WORKERS == 1:
        return value
    box = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(box, 0)
    return box.item()


def set_rate(optimizer, rate):
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


class Clock:
    """Minutes worked so far in a stage; stands still while checkpoints/PAUSE exists.

    Where the variable STAGE holds 'START END MINUTES', together.py keeps the time: a stage has worked all of its MINUTES
    when the progress of the whole, in checkpoints/progress, has come from START to END.
    """

    def __init__(self, spent=0.0):
        self.spent, self.last, self.kept = spent, time.time(), time.time()
        self.plan = [float(number) for number in os.environ["STAGE"].split()] if "STAGE" in os.environ else None
        self.progress = np.memmap(HOME / "progress", np.float64, "r", shape=(1,)) if self.plan else None

    def due(self):
        """Once every KEEP seconds: is it time for a checkpoint?"""
        if time.time() - self.kept < KEEP:
            return False
        self.kept = time.time()
        return True

    def tick(self):
        """Minutes, the same for all workers; call once a step."""
        if self.plan:
            start, end, minutes = self.plan
            return max(0.0, (float(self.progress[0]) - start) / (end - start)) * minutes
        while (HOME / "PAUSE").exists():
            time.sleep(2)
            self.last = time.time()
        now = time.time()
        self.spent += (now - self.last) / 60
        self.last = now
        return agree(self.spent)


def save(name, **state):
    """Write a checkpoint whole or not at all."""
    torch.save(state, HOME / f"{name}.tmp")
    os.replace(HOME / f"{name}.tmp", HOME / f"{name}.pt")


def load(name):
    """A checkpoint's state, or None when there is none."""
    path = HOME / f"{name}.pt"
    return torch.load(path, map_location=DEVICE, weights_only=False) if path.exists() else None
