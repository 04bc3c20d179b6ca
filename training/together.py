"""Go on from a finished model with every stage at once, on a machine with a GPU: `python together.py FOLDER SECONDS`.

Scenes are drawn by processes of their own (pool.py) while the stages train beside each other; the ControlNets and the
upscaler read the UNet's weights again while those still change. The VAE stays as it is, and what judges (judge.pt,
joints.pt) is trained only where the checkpoints do not hold it. Every rate reaches zero on
time, however slow the machine is and however long it was stopped (SIGSTOP to the process group). What is there is packed a few times
on the way, in checkpoints/packed; pack.py does that at any moment.
"""
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import workers
from resume import resume
from vae import load_vae

HERE = Path(__file__).parent
STAGES = (  # script and arguments, when it starts and ends as shares of the time, and the checkpoint that makes it needless
    (("unet.py",), 0, .8, None), (("judge.py", "train"), .03, .3, "judge.pt"), (("adherence.py", "train"), .03, .26, "joints.pt"),
    (("controls.py", "openpose"), .36, .97, None), (("controls.py", "canny"), .4, .97, None),
    (("upscaler.py", "train"), .62, .97, None))
DRAWERS = (  # kind of rows, share of the cores that draw them, when, as shares of the time; the checkpoint as above
    ("scenes", .5, 0, .97, None), ("poses", .25, .2, .97, None), ("pairs", .25, .5, .97, None),
    ("judge", .2, 0, .28, "judge.pt"), ("joints", .14, 0, .24, "joints.pt"))
PACKED = .5, .7, .85  # when what is trained so far is packed (pack.py): a machine may be taken away before the end
PROMPTS = 100
DEADLINE = workers.HOME / "deadline"
GAP = 1.0  # seconds between two looks at the clock; a longer gap was a stop


class Crew:
    """Processes that start and end on time.

    Their time is the progress of the whole, from 0 to 1. It stands still while this process group is stopped (SIGSTOP), and
    moves the faster after that, so that it reaches 1 when the seconds are over, or at the time (seconds since 1970) that
    checkpoints/deadline holds.
    """

    def __init__(self, seconds):
        self.deadline, self.last, self.begun = time.time() + seconds, time.time(), time.time()
        self.waiting, self.running = [], []
        self.progress = np.memmap(workers.HOME / "progress", np.float64, "w+", shape=(1,))

    def plan(self, name, command, start, end, environment, ended):
        """`ended`: whether it is ended by us; otherwise it ends by itself."""
        self.waiting.append((start, end, name, command, environment, ended))
        self.waiting.sort(key=lambda planned: planned[0])

    def tick(self):
        """Move the progress on. A long gap was a stop."""
        now = time.time()
        if DEADLINE.exists():
            self.deadline = float(DEADLINE.read_text())
        worked, left = min(now - self.last, GAP), max(self.deadline - now, .01)
        self.progress[0] += (1 - self.progress[0]) * min(1, worked / (left + worked))
        self.last = now
        return float(self.progress[0])

    def work(self):
        """Run the plan; a stage that fails is said and not repeated."""
        while self.waiting or any(process.poll() is None for process, *_ in self.running):
            now = self.tick()
            while self.waiting and self.waiting[0][0] <= now:
                start, end, name, command, environment, ended = self.waiting.pop(0)
                log = open(workers.HOME / f"{name}.log", "a")
                process = subprocess.Popen([sys.executable, *map(str, command)], cwd=HERE, stdout=log, stderr=log,
                                           env={**os.environ, **environment})
                self.running.append((process, end, name, ended))
            for entry in list(self.running):
                process, end, name, ended = entry
                if ended and now > end and process.poll() is None:
                    process.terminate()
                if process.poll() is not None:
                    self.running.remove(entry)
                    print(f"{time.time() - self.begun:.0f} s, {now:.2f}: {name} ended with {process.returncode}", flush=True)
            time.sleep(.2)


def together(folder, seconds):
    workers.HOME.mkdir(parents=True, exist_ok=True)
    resume(folder)
    load_vae()  # writes its first checkpoint, which all others read
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "POOLS": os.environ.get("POOLS", str(workers.HOME / "pools"))}
    crew, cores, seed = Crew(seconds), max(2, os.cpu_count() - 3), 1000 * int(time.time())
    needed = lambda checkpoint: checkpoint is None or not (workers.HOME / checkpoint).exists()
    drawers, stages = ([plan[:-1] for plan in plans if needed(plan[-1])] for plans in (DRAWERS, STAGES))
    for kind, share, start, end in drawers:
        seed += 100
        crew.plan(f"drawer-{kind}", ("pool.py", kind, seed, max(1, round(share * cores))), start, end,
                  {**quiet, "CUDA_VISIBLE_DEVICES": ""}, True)
    for command, start, end in stages:
        name = command[-1] if command[0] == "controls.py" else command[0][:-3]
        minutes = (end - start) * seconds / 60
        crew.plan(name, (*command, minutes), start, end, {**quiet, "STAGE": f"{start} {end} {minutes}"}, False)
    for at in PACKED:
        crew.plan("pack", ("pack.py", "pack", workers.HOME / "packed"), at, 2, {"CUDA_VISIBLE_DEVICES": ""}, False)
    crew.work()
    target = workers.HOME / "mini"
    subprocess.run([sys.executable, HERE / "export.py", target], check=True)
    for name in ("judge", "adherence"):
        crew.plan(f"{name}-measured", (f"{name}.py", "measure", PROMPTS, target), 0, 2, {}, False)
    crew.work()


if __name__ == "__main__":
    together(Path(sys.argv[1]).resolve(), float(sys.argv[2]))
