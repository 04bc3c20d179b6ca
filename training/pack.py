"""Trained weights in a few small files, to carry them from one machine to another.

`python pack.py pack FOLDER` writes weights-1.safetensors, ... (float16, 15 MB each at most) and logs.tar.gz from the
checkpoints, at any time. `python pack.py unpack FOLDER` makes start.pt, judge.pt and joints.pt of them (resume.py
first: it brings the tokenizer): every stage goes on from there, and export.py writes a model from it.
"""
import shutil
import sys
import tarfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import workers
from text import fitted
from tokenizer import load_tokenizer

LIMIT = 15_000_000  # bytes of a file


def trained():
    """name -> averaged weights of all that is trained so far."""
    start = workers.load("start") or {}
    states = {name: start[name] for name in ("unet", "text", "vae", "canny", "openpose", "upscaler") if name in start}
    for name, keys in (("vae", "model"), ("canny", "model"), ("openpose", "model"), ("upscaler", "average"),
                       ("judge", "model"), ("joints", "model")):
        if state := workers.load(name):
            states[name] = state[keys]
    if state := workers.load("unet"):
        states["unet"], states["text"] = state["average"]
    return states


def pack(folder):
    """Write the files; a weight is named 'component/its name'. A folder that is there is replaced once the new one is whole."""
    target, folder = folder, folder.with_name(f"{folder.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files, size = [{}], 0
    for name, state in trained().items():
        for key, value in state.items():
            value = value.half().cpu().contiguous() if value.is_floating_point() else value.cpu()
            size += value.nbytes
            if size > LIMIT:
                files.append({})
                size = value.nbytes
            files[-1][f"{name}/{key}"] = value
    for number, weights in enumerate(files, 1):
        save_file(weights, folder / f"weights-{number}.safetensors")
    with tarfile.open(folder / "logs.tar.gz", "w:gz") as archive:
        for pattern in ("*.log", "*.json", "*.png"):
            for path in sorted(workers.HOME.glob(pattern)):
                archive.add(path, path.name)
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


def unpack(folder):
    """Make checkpoints of the files."""
    states = {}
    for path in sorted(folder.glob("weights-*.safetensors")):
        for name, value in load_file(path).items():
            component, key = name.split("/", 1)
            states.setdefault(component, {})[key] = value.float() if value.is_floating_point() else value
    for name in ("judge", "joints"):
        if name in states:
            workers.save(name, model=states.pop(name), minutes=0)
    states["text"] = fitted(states["text"], load_tokenizer(workers.HOME / "tokenizer"))
    workers.save("start", **states)
    print("unpacked", *states)


if __name__ == "__main__":
    workers.HOME.mkdir(parents=True, exist_ok=True)
    {"pack": pack, "unpack": unpack}[sys.argv[1]](Path(sys.argv[2]))
