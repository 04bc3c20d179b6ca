"""Teach a finished model the particle 과 without training: `python particles.py FOLDER` (a diffusers folder).

Its captions joined two Korean things by 와 whatever the noun ends in. Every merge that leads to a token on 와 gets one that leads to
the same on 과, after all others, so that no other word is split differently; the new token's vector is the old one's.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel

EMBEDDING = "text_model.embeddings.token_embedding.weight"


def spelled(text):
    """A word's end in the letters of a byte-level vocabulary."""
    return ByteLevel(add_prefix_space=False).pre_tokenize_str(text)[0][0] + "</w>"


def mirrored(merges, old, new):
    """-> [(merge, token whose vector its result takes)] for pairs of tokens whose result ends in `old`."""
    first, last = new[:-len("</w>") - 1], new[-len("</w>") - 1:]
    swap = lambda token: token.removesuffix(old) + new if token.endswith(old) else token
    added = [((first, last), old)]
    for left, right in merges:
        if right.endswith(old) and left + right != old:
            added.append(((left, swap(right)), left + right))
    return added


def teach(folder):
    """Change vocab.json, merges.txt and the text encoder; nothing where it was done before."""
    tokenizer, encoder = folder / "tokenizer", folder / "text_encoder"
    old, new = spelled("와"), spelled("과")
    vocabulary = json.loads((tokenizer / "vocab.json").read_text())
    if new in vocabulary:
        return
    header, *lines = (tokenizer / "merges.txt").read_text().splitlines()
    added = mirrored([tuple(line.split()) for line in lines if line], old, new)
    ids = []
    for (left, right), source in added:
        vocabulary[left + right] = len(vocabulary)
        ids.append(vocabulary[source])
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (tokenizer / "merges.txt").write_text("\n".join([header, *lines, *(f"{a} {b}" for (a, b), _ in added)]) + "\n")
    with safe_open(encoder / "model.safetensors", "pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}
    weights[EMBEDDING] = torch.cat([weights[EMBEDDING], weights[EMBEDDING][ids]])
    save_file(weights, encoder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((encoder / "config.json").read_text())
    config["vocab_size"] = len(vocabulary)
    (encoder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(f"{len(added)} tokens")


if __name__ == "__main__":
    teach(Path(sys.argv[1]))
