"""The reference's side of bench/precision.ts: calls of a UNet in bfloat16, one for each line of standard input.

    python precision.py FOLDER THREADS INPUTS      (INPUTS: JSON of names and shapes)
"""
import json
import math
import sys
import time

import numpy as np
import torch
from diffusers import UNet2DConditionModel


def field(name, shape):
    """The same numbers in precision-ours.ts."""
    if name == "timestep":
        return torch.full(shape, 500.0)
    values = ((np.arange(math.prod(shape)) % 101) / 50 - 1).astype(np.float32)
    return torch.from_numpy(values).reshape(shape).to(torch.bfloat16)


@torch.no_grad()
def main(folder, threads, inputs):
    torch.set_num_threads(int(threads))
    model = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.bfloat16).eval()
    fields = {name: field(name, shape) for name, shape in json.loads(inputs).items()}
    for _ in sys.stdin:
        started, used = time.perf_counter(), time.process_time()
        model(**fields)
        seconds = [time.perf_counter() - started, time.process_time() - used]
        print(json.dumps({"seconds": seconds}), flush=True)


main(*sys.argv[1:])
