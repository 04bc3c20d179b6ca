"""Retrain models/mini from nothing, or go on where it stopped: `python training/train.py [SHARE [FOLDER]]`.

Tokenizer and text encoder, then the VAE's decoder on one core while the UNet learns on another, then the UNet on two
cores, the ControlNets and the upscaler, export, and how good it is. Everything is kept in training/checkpoints (or where the
variable CHECKPOINTS says); creating a file PAUSE there pauses it. SHARE of the minutes below makes a miniature run
(.01 tries every stage); FOLDER is where the model goes, models/mini by default.
"""
import os
import subprocess
import sys
from pathlib import Path

import vae
import workers
from tokenizer import make_tokenizer

HERE = Path(__file__).parent
VAE_MINUTES, UNET_MINUTES, CONTROL_MINUTES, UPSCALER_MINUTES, JUDGE_MINUTES, JOINT_MINUTES, PROMPTS = 42, 1200, 90, 240, 36, 12, 200


def start(script, *arguments, processes=1):
    """Run one of the scripts beside this one; -> its process."""
    environment = {**os.environ, "WORKERS": str(processes)}
    return subprocess.Popen([sys.executable, HERE / script, *map(str, arguments)], env=environment)


def finish(*started):
    """Wait for processes, and stop at the first failure."""
    for process in started:
        if process.wait():
            sys.exit(f"failed: {process.args}")


def main(share, target):
    workers.HOME.mkdir(parents=True, exist_ok=True)
    vae.load_vae()
    if not (workers.HOME / "tokenizer").exists():
        make_tokenizer(workers.HOME / "tokenizer")
    if workers.load("text") is None:
        finish(start("text.py", share))
    both = 1 if workers.DEVICE.type == "cuda" else 2
    finish(start("vae.py", VAE_MINUTES * share), start("unet.py", UNET_MINUTES * share, VAE_MINUTES * share))
    finish(start("unet.py", UNET_MINUTES * share, processes=both))
    for kind in ("canny", "openpose"):
        finish(start("controls.py", kind, CONTROL_MINUTES * share, processes=both))
    finish(start("upscaler.py", "train", UPSCALER_MINUTES * share))
    finish(start("export.py", target))
    finish(start("judge.py", "train", JUDGE_MINUTES * share), start("adherence.py", "train", JOINT_MINUTES * share))
    for script in ("judge.py", "adherence.py", "upscaler.py"):
        finish(start(script, "measure", max(2, round(PROMPTS * share)), target))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0,
         Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parent / "models" / "mini")
