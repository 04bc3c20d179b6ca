"""The text encoder: CLIPTextModel, first taught to name what a caption says.

`python text.py` trains it for STEPS steps with five heads that are thrown away, and writes checkpoints/text.pt.
"""
import numpy as np
import torch
from transformers import CLIPTextConfig, CLIPTextModel

import workers
from captions import caption
from scenes import random_scene
from tokenizer import LENGTH, ids, make_tokenizer
from words import GROUPS
from workers import DEVICE

WIDTH = 192
STEPS, BATCH = 500, 96


def new_text(tokenizer):
    """A CLIPTextModel of 4 layers for a tokenizer."""
    torch.manual_seed(0)
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4,
        num_attention_heads=3, max_position_embeddings=LENGTH, projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id)).to(DEVICE)


def target(scene):
    """The five attributes as class numbers; the last class of a group means 'none'."""
    return [GROUPS[g].index(value) if (value := getattr(scene, g)) else len(GROUPS[g]) for g in GROUPS]


def train(rank):
    """Name the object, colour, place, time and style from the mean of the last ten positions."""
    tokenizer = make_tokenizer(workers.HOME / "tokenizer")
    text, rng = new_text(tokenizer), np.random.default_rng(7)
    heads = torch.nn.ModuleList(torch.nn.Linear(WIDTH, len(names) + 1) for names in GROUPS.values()).to(DEVICE)
    optimizer = torch.optim.AdamW([*text.parameters(), *heads.parameters()], 1e-3, weight_decay=.01)
    for step in range(STEPS):
        workers.set_rate(optimizer, 1e-3 * min(1, (step + 1) / 50) * (1 - step / STEPS))
        scenes = [random_scene(rng) for _ in range(BATCH)]
        tokens = ids(tokenizer, [caption(scene, rng) for scene in scenes]).to(DEVICE)
        truth = torch.tensor([target(scene) for scene in scenes], device=DEVICE)
        said = text(tokens).last_hidden_state[:, -10:].mean(1)
        guesses = [head(said) for head in heads]
        loss = sum(torch.nn.functional.cross_entropy(guess, truth[:, i]) for i, guess in enumerate(guesses))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(text.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            right = [(g.argmax(1) == truth[:, i]).float().mean().item() for i, g in enumerate(guesses)]
            print(f"text step {step + 1} loss {loss.item():.3f} right", *(f"{r:.2f}" for r in right), flush=True)
    workers.save("text", model=text.state_dict())


if __name__ == "__main__":
    workers.spawn(train)
