"""Retrain models/mini from nothing, or go on where it stopped: `python training/train.py`.

Text encoder, then the VAE's decoder on one core while the UNet learns on another, then the UNet on two cores.
Everything is kept in training/checkpoints; creating a file PAUSE there pauses it. A GPU needs a tenth of the minutes.
"""
import os
import subprocess
import sys
from pathlib import Path

import vae
import workers

HERE = Path(__file__).parent
VAE_MINUTES, UNET_MINUTES, JUDGE_MINUTES, PROMPTS = 30, 70, 4, 320


def start(script, *arguments, processes=1):
    """Run one of the scripts beside this one; -> its process."""
    environment = {**os.environ, "WORKERS": str(processes)}
    return subprocess.Popen([sys.executable, HERE / script, *map(str, arguments)], env=environment)


def finish(*started):
    """Wait for processes, and stop at the first failure."""
    for process in started:
        if process.wait():
            sys.exit(f"failed: {process.args}")


def main():
    workers.HOME.mkdir(exist_ok=True)
    vae.load_vae()
    if workers.load("text") is None:
        finish(start("text.py"))
    finish(start("vae.py", VAE_MINUTES), start("unet.py", UNET_MINUTES, VAE_MINUTES))
    finish(start("unet.py", UNET_MINUTES, processes=1 if workers.DEVICE.type == "cuda" else 2))
    finish(start("export.py"))
    finish(start("judge.py", "train", JUDGE_MINUTES))
    finish(start("judge.py", "measure", PROMPTS))


if __name__ == "__main__":
    main()
