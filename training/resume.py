"""Go on from a finished model: `python resume.py FOLDER` (a diffusers folder, such as models/mini).

Writes its tokenizer and weights into the checkpoints as start.pt, from which every stage goes on. The tokenizer stays
as it is: byte pairs spell every new word, and common nouns that no caption held before are tokens already.
"""
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file

import workers
from text import fitted
from tokenizer import load_tokenizer

WEIGHTS = {"unet": "unet/diffusion_pytorch_model", "vae": "vae/diffusion_pytorch_model", "text": "text_encoder/model",
           "canny": "controlnets/canny/diffusion_pytorch_model", "openpose": "controlnets/openpose/diffusion_pytorch_model",
           "upscaler": "upscaler/model"}


def resume(folder):
    """Write checkpoints/tokenizer and checkpoints/start.pt."""
    shutil.copytree(folder / "tokenizer", workers.HOME / "tokenizer", dirs_exist_ok=True)
    paths = {name: folder / f"{path}.safetensors" for name, path in WEIGHTS.items()}
    start = {name: {k: v.float() for k, v in load_file(path).items()} for name, path in paths.items() if path.exists()}
    start["text"] = fitted(start["text"], load_tokenizer(workers.HOME / "tokenizer"))
    workers.save("start", **start)
    print("goes on from", *start)


if __name__ == "__main__":
    workers.HOME.mkdir(parents=True, exist_ok=True)
    resume(Path(sys.argv[1]))
