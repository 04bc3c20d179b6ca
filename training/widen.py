"""Go on from a finished model with a wider domain: `python widen.py FOLDER` (a diffusers folder, such as models/mini).

Writes a new tokenizer and start.pt into the checkpoints: the UNet as it is, and the text encoder with the old token
vectors where the new vocabulary still has the token; a new token starts as a small random vector.
"""
import json
import sys
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

import workers
from text import new_text
from tokenizer import make_tokenizer


def widen(folder):
    """Write checkpoints/tokenizer and checkpoints/start.pt."""
    tokenizer = make_tokenizer(workers.HOME / "tokenizer")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    old, text = CLIPTextModel.from_pretrained(folder / "text_encoder", torch_dtype=torch.float32), new_text(tokenizer)
    old_ids = json.loads((folder / "tokenizer" / "vocab.json").read_text())
    state, fresh = old.state_dict(), text.state_dict()
    key = next(name for name in fresh if name.endswith("token_embedding.weight"))
    vectors = fresh[key].clone()
    kept = {token: i for token, i in tokenizer.get_vocab().items() if token in old_ids}
    for token, i in kept.items():
        vectors[i] = state[key][old_ids[token]]
    text.load_state_dict({**state, key: vectors})
    workers.save("start", unet=unet.state_dict(), text=text.state_dict())
    print(f"{len(tokenizer)} tokens, {len(kept)} of them known")


if __name__ == "__main__":
    workers.HOME.mkdir(parents=True, exist_ok=True)
    widen(Path(sys.argv[1]))
