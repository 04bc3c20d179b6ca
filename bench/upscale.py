"""The reference's side of bench/upscale.ts: what spandrel takes with torch to enlarge a picture, from pixels to pixels.

    python upscale.py FILE THREADS SIDE OUTPUT      (OUTPUT: 8-bit levels, [height, width, 3])

Prints one JSON object.
"""
import json
import resource
import sys
import time

import numpy as np
import torch
from spandrel import ModelLoader


@torch.no_grad()
def main(file, threads, side, output):
    torch.set_num_threads(int(threads))
    model = ModelLoader().load_from_file(file).model.eval()
    side = int(side)
    y, x, c = np.mgrid[0:side, 0:side, 0:3]
    # The same numbers in upscale-call.ts.
    picture = ((x * 3 + y * 5 + c * 40 + (x * y) % 7) % 256).astype(np.uint8)
    started, used = time.perf_counter(), time.process_time()
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    large = (model(planes)[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).contiguous().numpy()
    seconds = [time.perf_counter() - started, time.process_time() - used]
    large.tofile(output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peakBytes": peak}))


main(*sys.argv[1:])
