"""The reference's side of bench/opening.ts: python opening.py FOLDER|FILE THREADS [FOLDER] -> one JSON object.

Of a single file, the second folder holds the configs that diffusers would otherwise fetch from the Hub.
"""
import json
import resource
import sys
import time

import diffusers
import torch


def at():
    return time.perf_counter(), time.process_time()


def since(started):
    return [now - then for now, then in zip(at(), started)]


def main(path, threads, configs=None):
    torch.set_num_threads(int(threads))
    # What is imported late is no part of opening.
    diffusers.StableDiffusionPipeline, diffusers.StableDiffusionXLPipeline
    started = at()
    if configs is None:
        pipe = diffusers.DiffusionPipeline.from_pretrained(path, dtype=torch.float32)
    else:
        single = diffusers.StableDiffusionPipeline.from_single_file
        pipe = single(path, config=configs, local_files_only=True, torch_dtype=torch.float32)
    opened = since(started)
    unet = pipe.unet
    side = unet.config.sample_size
    given = {}
    if unet.config.addition_embed_type == "text_time":
        given = {"added_cond_kwargs": {"text_embeds": torch.zeros(1, 1280), "time_ids": torch.zeros(1, 6)}}
    before = at()
    with torch.no_grad():
        unet(torch.zeros(1, 4, side, side), torch.tensor([500.0]),
             encoder_hidden_states=torch.zeros(1, 77, unet.config.cross_attention_dim), **given)
    called = since(before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"opened": opened, "called": called, "peakBytes": peak}))


main(*sys.argv[1:])
