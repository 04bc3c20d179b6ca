"""The reference's side of bench/denoisers.ts: what a call of a denoiser costs diffusers in float32.

    python denoisers.py FOLDER THREADS CALLS INPUTS      (INPUTS: JSON of names and shapes)

Prints one JSON object and leaves the output as OUTPUT.npy.
"""
import json
import math
import resource
import sys
import time
from pathlib import Path

import diffusers
import numpy as np
import torch


def field(name, shape):
    """The same numbers in denoisers-call.ts."""
    if name == "timestep":
        return torch.full(shape, 500.0)
    return torch.from_numpy(((np.arange(math.prod(shape)) % 101) / 50 - 1).astype(np.float32)).reshape(shape)


@torch.no_grad()
def main(folder, threads, calls, inputs, output):
    torch.set_num_threads(int(threads))
    kind = json.loads((Path(folder) / "config.json").read_text())["_class_name"]
    started = time.perf_counter()
    model = getattr(diffusers, kind).from_pretrained(folder, torch_dtype=torch.float32).eval()
    opened = time.perf_counter() - started
    fields = {name: field(name, shape) for name, shape in json.loads(inputs).items()}
    added = {name: fields.pop(name) for name in ("text_embeds", "time_ids") if name in fields}
    if added:
        fields["added_cond_kwargs"] = added
    seconds = []
    for _ in range(int(calls)):
        started, used = time.perf_counter(), time.process_time()
        out = model(**fields).sample
        seconds.append([time.perf_counter() - started, time.process_time() - used])
    np.save(output, out.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"opened": opened, "seconds": seconds, "peakBytes": peak}))


main(*sys.argv[1:])
