"""The text encoder: CLIPTextModel, first taught to name what a caption says.

`python text.py [SHARE]` trains it for STEPS steps with heads that are thrown away, and writes checkpoints/text.pt.
"""
import sys

import numpy as np
import torch
from transformers import CLIPTextConfig, CLIPTextModel

import workers
from answers import QUESTIONS, answer_loss, heads, right, truths
from captions import caption
from scenes import random_scene
from tokenizer import LENGTH, ids, load_tokenizer
from workers import DEVICE

WIDTH = 192
STEPS, BATCH = 600, 96


def new_text(tokenizer):
    """A CLIPTextModel of 4 layers for a tokenizer."""
    torch.manual_seed(0)
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4,
        num_attention_heads=3, max_position_embeddings=LENGTH, projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, attn_implementation="eager")).to(DEVICE)


def fitted(state, tokenizer):
    """A text encoder's state dict with the names that this version of transformers has: with 'text_model.' or without."""
    expected, bare = new_text(tokenizer).state_dict(), {k.removeprefix("text_model."): v for k, v in state.items()}
    return {k: bare[k.removeprefix("text_model.")] for k in expected}


def first_weights():
    """A round that widens the domain goes on from the weights of the last (start.pt, see resume.py)."""
    start = workers.load("start")
    return start and start["text"]


def train(rank, share=1.0):
    """Answer every question about the scene from the mean of the last ten positions.

    Going on from a start, the heads learn first and the encoder at a tenth of their rate, so that the UNet still
    understands it.
    """
    tokenizer = load_tokenizer(workers.HOME / "tokenizer")
    text, rng, start = new_text(tokenizer), np.random.default_rng(7), first_weights()
    if start:
        text.load_state_dict(start)
    asked = heads(WIDTH).to(DEVICE)
    optimizer = torch.optim.AdamW([{"params": list(text.parameters())}, {"params": list(asked.parameters())}],
                                  1e-3, weight_decay=.01)
    steps = max(2, round(STEPS * share))
    for step in range(steps):
        rate = 1e-3 * min(1, (step + 1) / 50) * (1 - step / steps)
        for group, share in zip(optimizer.param_groups, (.2 if start else 1, 1)):
            group["lr"] = rate * share
        scenes = [random_scene(rng) for _ in range(BATCH)]
        tokens = ids(tokenizer, [caption(scene, rng) for scene in scenes]).to(DEVICE)
        truth = truths(scenes, DEVICE)
        said = text(tokens).last_hidden_state[:, -10:].mean(1)
        guesses = [head(said) for head in asked]
        loss = answer_loss(guesses, truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(text.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            shares = " ".join(f"{name} {share:.2f}" for name, share in zip(QUESTIONS, right(guesses, truth)))
            print(f"text step {step + 1} loss {loss.item():.3f} {shares}", flush=True)
    workers.save("text", model=text.state_dict())


if __name__ == "__main__":
    workers.spawn(train, float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
