"""ControlNets for the finished UNet: `python controls.py canny MINUTES`, `python controls.py openpose MINUTES`.

They see the hint, the latents and the time but no text: without cross attention and with one residual block in the
middle one takes 3.5 MB in float16 instead of 8.6, and two of them fit beside the model. The UNet stays as it is.
"""
import sys

import numpy as np
import torch
from diffusers import ControlNetModel

import workers
from captions import caption
from hints import canny, stick_figures
from scenes import draw_posed, random_scene
from text import WIDTH, new_text
from tokenizer import ids, load_tokenizer
from unet import BATCH, CONFIG, centre_weight, new_unet, rate, signal_shares, step_loss
from vae import as_tensor, latents_of, load_vae
from workers import DEVICE, WORKERS

PEAK = 5e-4
POOL_START, POOL_END, DRAWN = 300, 4000, 2
NO_TEXT = .3  # share of empty captions: the hint has to be enough
CONTROL = dict(
    in_channels=CONFIG["in_channels"], conditioning_channels=3, block_out_channels=CONFIG["block_out_channels"],
    layers_per_block=1, norm_num_groups=CONFIG["norm_num_groups"], cross_attention_dim=WIDTH,
    attention_head_dim=CONFIG["attention_head_dim"], down_block_types=("DownBlock2D",) * 3,
    mid_block_type="UNetMidBlock2D", conditioning_embedding_out_channels=(8, 16, 32, 48))


def new_control(unet):
    """A ControlNetModel whose convolutions start as the UNet's; what it adds starts at nothing."""
    torch.manual_seed(0)
    control = ControlNetModel(**CONTROL).to(DEVICE)
    fresh, known = control.state_dict(), unet.state_dict()
    control.load_state_dict({k: known[k] if k in known and known[k].shape == v.shape else v for k, v in fresh.items()})
    return control


def scene_for(kind, rng):
    """Any scene for edges; one with people for poses."""
    while True:
        scene = random_scene(rng)
        if kind == "canny" or any(thing.pose for thing in scene.things):
            return scene


class Hinted:
    """A pool of scenes with their latents and hints."""

    def __init__(self, kind, seed, vae_state):
        self.kind, self.rng, self.vae_state, self.rows = kind, np.random.default_rng(seed), vae_state, []
        self.add(POOL_START)

    def add(self, count):
        """Draw scenes; when the pool is full they take the place of others."""
        for _ in range(count):
            scene = scene_for(self.kind, self.rng)
            picture, people = draw_posed(scene, self.rng)
            hint = canny(picture) if self.kind == "canny" else stick_figures(people)
            row = (scene, latents_of(self.vae_state, as_tensor([picture]))[0].half(), hint)
            if len(self.rows) < POOL_END:
                self.rows.append(row)
            else:
                self.rows[self.rng.integers(POOL_END)] = row

    def batch(self, count):
        """-> latents [count,8,32,32], captions, hints [count,3,256,256] in 0..1."""
        rows = [self.rows[i] for i in self.rng.integers(len(self.rows), size=count)]
        texts = ["" if self.rng.random() < NO_TEXT else caption(scene, self.rng) for scene, _, _ in rows]
        return torch.stack([latent for _, latent, _ in rows]).float(), texts, as_tensor([h for *_, h in rows]) / 2 + .5


def train(rank, kind, minutes):
    """One worker's share; resumes checkpoints/KIND.pt, whose rate falls to zero at `minutes`."""
    tokenizer, (_, vae_state), base = load_tokenizer(workers.HOME / "tokenizer"), load_vae(), workers.load("unet")
    unet, text = new_unet(), new_text(tokenizer)
    for module, values in zip((unet, text), base["average"]):
        module.load_state_dict(values)
        module.requires_grad_(False)
    control, state = new_control(unet), workers.load(kind)
    parameters = list(control.parameters())
    optimizer = torch.optim.AdamW(parameters, PEAK, weight_decay=.01, betas=(.9, .99))
    step, spent = 0, 0.0
    if state:
        control.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["minutes"]
    pool, losses = Hinted(kind, 9000 + 10 * step + rank, vae_state), []
    shares, weight = signal_shares(), centre_weight()
    torch.manual_seed(10 * step + rank)
    clock = workers.Clock(spent)

    def keep():
        if rank == 0:
            workers.save(kind, model=control.state_dict(), optimizer=optimizer.state_dict(), step=step, minutes=spent)

    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, PEAK * min(1, (step + 1) / 100) * rate(spent / minutes))
        pool.add(DRAWN)
        latents, texts, hints = pool.batch(BATCH // WORKERS)
        loss = step_loss(unet, text, latents, ids(tokenizer, texts).to(DEVICE), shares, weight, control, hints)
        optimizer.zero_grad()
        loss.backward()
        workers.share_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        losses.append(loss.item())
        if rank == 0 and step % 50 == 0:
            print(f"{kind} {spent:5.1f} min step {step} samples {step * BATCH} loss {np.mean(losses[-50:]):.4f}", flush=True)
        if step % 200 == 0:
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, sys.argv[1], float(sys.argv[2]))
