"""ControlNets for the finished UNet: `python controls.py canny MINUTES`, `python controls.py openpose MINUTES`.

They see the hint, the latents and the time but no text: without cross attention and with one residual block in the
middle one takes 3.5 MB in float16 instead of 8.6, and two of them fit beside the model. The UNet stays as it is.
"""
import sys
import time

import torch
from diffusers import ControlNetModel

import workers
from hints import PALETTE
from pool import Pool, said
from text import WIDTH, new_text
from tokenizer import ids, load_tokenizer
from unet import CONFIG, load_average, loss_weight, new_unet, rate, signal_shares, step_loss
from workers import DEVICE, WORKERS

PEAK = 5e-4
BATCH = 16 if DEVICE.type == "cpu" else 128  # pictures a step, over all workers
FRESH = 20  # seconds after which the UNet's weights are read again: it may still be training
NO_TEXT = .3  # share of empty captions: the hint has to be enough
CONTROL = dict(
    in_channels=CONFIG["in_channels"], conditioning_channels=3, block_out_channels=CONFIG["block_out_channels"],
    layers_per_block=1, norm_num_groups=CONFIG["norm_num_groups"], cross_attention_dim=WIDTH,
    attention_head_dim=CONFIG["attention_head_dim"], down_block_types=("DownBlock2D",) * 3,
    mid_block_type="UNetMidBlock2D", conditioning_embedding_out_channels=(8, 16, 32, 48))


def new_control(kind, unet):
    """A ControlNetModel as far as it was trained before; otherwise its convolutions start as the UNet's, and what it adds
    starts at nothing."""
    torch.manual_seed(0)
    control = ControlNetModel(**CONTROL).to(DEVICE)
    fresh, known = control.state_dict(), unet.state_dict()
    control.load_state_dict({k: known[k] if k in known and known[k].shape == v.shape else v for k, v in fresh.items()})
    if start := workers.load("start"):
        control.load_state_dict(start[kind])
    return control


def hints_of(rows, palette):
    """The hints of rows of a pool, [N,3,256,256] in 0..1."""
    if "figure" in rows:
        return palette[rows["figure"].long()].permute(0, 3, 1, 2)
    bits = rows["edges"].unsqueeze(-1) >> torch.arange(7, -1, -1, device=DEVICE) & 1
    return bits.view(-1, 1, 256, 256).expand(-1, 3, -1, -1).float()


def train(rank, kind, minutes):
    """One worker's share; resumes checkpoints/KIND.pt, whose rate falls to zero at `minutes`."""
    tokenizer = load_tokenizer(workers.HOME / "tokenizer")
    nothing, palette = ids(tokenizer, [""])[0].to(DEVICE), torch.from_numpy(PALETTE).to(DEVICE).float() / 255
    unet, text = new_unet(), new_text(tokenizer)
    load_average((unet, text))
    for module in (unet, text):
        module.requires_grad_(False)
    control, state = new_control(kind, unet), workers.load(kind)
    parameters = list(control.parameters())
    optimizer = torch.optim.AdamW(parameters, PEAK, weight_decay=.01, betas=(.9, .99))
    step, spent = 0, 0.0
    if state:
        control.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["minutes"]
    pool, losses = Pool("scenes" if kind == "canny" else "poses", 9000 + 10 * step + rank), []
    shares = signal_shares()
    torch.manual_seed(10 * step + rank)
    clock, read = workers.Clock(spent), time.time()

    def keep():
        if rank == 0:
            workers.save(kind, model=control.state_dict(), optimizer=optimizer.state_dict(), step=step, minutes=spent)

    while (spent := clock.tick()) < minutes:
        workers.set_rate(optimizer, PEAK * min(1, (step + 1) / 100) * rate(spent / minutes))
        if time.time() - read > FRESH:
            load_average((unet, text))
            read = time.time()
        rows = pool.batch(BATCH // WORKERS)
        loss = step_loss(unet, text, rows["latent"].float(), said(rows["tokens"], nothing, NO_TEXT), shares, loss_weight(rows["people"]),
                         control, hints_of(rows, palette))
        optimizer.zero_grad()
        loss.backward()
        workers.share_gradients(parameters)
        workers.step(optimizer, parameters)
        step += 1
        losses.append(loss.detach())
        if rank == 0 and step % 50 == 0:
            print(f"{kind} {spent:5.1f} min step {step} samples {step * BATCH} loss {torch.stack(losses[-50:]).mean():.4f}", flush=True)
        if clock.due():
            keep()
    keep()


if __name__ == "__main__":
    workers.spawn(train, sys.argv[1], float(sys.argv[2]))
