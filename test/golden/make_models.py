"""Makes the tiny models of fixtures/models: two Stable Diffusion folders small enough to commit.

    python make_models.py

Their layers are the real ones at a few channels; their weights are random and then trained for a few seconds
on smooth coloured fields, so that a whole loop stays in the range that real latents have and follows its prompt.
tiny-sd15 is written the way the hub's SD 1.5 folder is (text_model. prefix, position_ids, the VAE's old attention
names, a PNDM scheduler, no scaling_factor); tiny-sd21 the way newer tools write (no prefix, sharded UNet, an fp16
text encoder, a bf16 VAE, v_prediction, "!" as padding).
"""

import json
import math
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

MODELS = Path(__file__).parent / "fixtures" / "models"
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
WORDS = """a an the of on in at with and under over near beside red green blue yellow orange purple white black brown
pink grey small big tall round square bright dark old new soft mug table house tree boat cat dog bird fish flower
mountain river sea sky sun moon star cloud field road window door chair lamp book apple lemon watercolor painting
photo sketch pencil ink oil drawing portrait landscape night day morning evening summer winter snow rain light
shadow blurry low quality ugly text watermark""".split()


# ---- tokenizer


def byte_characters() -> list[str]:
    """One printable character a byte, in CLIP's order: printable bytes as themselves, the rest from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def write_tokenizer(folder: Path, merges_wanted: int, pad_token: str) -> CLIPTokenizer:
    characters = byte_characters()
    trained = Tokenizer(BPE(end_of_word_suffix="</w>"))
    trained.normalizer = normalizers.Lowercase()
    trained.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True)
    alphabet = len(set("".join(WORDS))) * 2
    trained.train_from_iterator(
        [" ".join(WORDS)] * 3, BpeTrainer(vocab_size=alphabet + merges_wanted, end_of_word_suffix="</w>", min_frequency=1)
    )
    merges = [tuple(m) for m in json.loads(trained.to_str())["model"]["merges"]][:merges_wanted]
    tokens = characters + [c + "</w>" for c in characters] + ["".join(m) for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)

    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    special["pad_token"] = pad_token
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "add_prefix_space": False},
    )
    return CLIPTokenizer.from_pretrained(folder)


# ---- weights


def enliven(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Random weights of gain 1 with small biases: signals keep their size, nothing is zero or one by accident."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name and parameter.dim() == 1:
            value = noise * 0.1 + (1.0 if name.endswith("weight") else 0.0)
        elif parameter.dim() == 1:
            value = noise * 0.1
        elif "position_embedding" in name:
            value = noise * 0.3
        elif "token_embedding" in name:
            value = noise
        else:
            value = noise / math.sqrt(parameter[0].numel())
        parameter.data.copy_(value)


def scale_vae(vae: AutoencoderKL, generator: torch.Generator, picture_std: float) -> None:
    """Latents of std about 1/scaling_factor with a posterior that matters, pictures that fill [-1, 1]."""
    with torch.no_grad():
        moments = vae.quant_conv(vae.encoder(smooth(4, 3, 32, 32, generator).clamp(-1, 1)))
        mean_std = moments[:, :4].std()
        factor = 1 / (vae.config.scaling_factor * mean_std)
        vae.quant_conv.weight[:4] *= factor
        vae.quant_conv.bias[:4] *= factor
        vae.quant_conv.bias[4:] += 2 * math.log(0.1 / vae.config.scaling_factor)
        picture = vae.decode(torch.randn(4, 4, 8, 8, generator=generator) / vae.config.scaling_factor).sample
        vae.decoder.conv_out.weight *= picture_std / picture.std()


def smooth(n: int, c: int, h: int, w: int, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.randn(n, c, max(2, h // 4), max(2, w // 4), generator=generator)
    return F.interpolate(coarse, (h, w), mode="bicubic")


def descend(model: torch.nn.Module, steps: int, rate: float, loss_of) -> float:
    """Adam with one cycle of its rate. @returns the running mean of the loss"""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    average = 1.0
    for _ in range(steps):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        cycle.step()
        average = 0.98 * average + 0.02 * loss.item()
    return average


def train_unet(unet, text_encoder, tokenizer, prediction: str, steps: int, generator: torch.Generator) -> float:
    """Noise prediction on smooth fields whose colour follows the prompt's pooled embedding."""
    schedule = DDPMScheduler(**BETAS, prediction_type=prediction)
    colour = torch.randn(text_encoder.config.hidden_size, 4, generator=generator) / math.sqrt(text_encoder.config.hidden_size)

    def loss() -> torch.Tensor:
        prompts = []
        for _ in range(16):
            count = int(torch.randint(0, 6, (1,), generator=generator))
            picks = torch.randint(0, len(WORDS), (count,), generator=generator)
            prompts.append(" ".join(WORDS[i] for i in picks))
        ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        with torch.no_grad():
            text = text_encoder(ids)
            latents = 0.6 * smooth(16, 4, 16, 16, generator) + (text.pooler_output @ colour)[:, :, None, None]
        noise = torch.randn(latents.shape, generator=generator)
        t = torch.randint(0, 1000, (16,), generator=generator)
        noisy = schedule.add_noise(latents, noise, t)
        target = noise if prediction == "epsilon" else schedule.get_velocity(latents, noise, t)
        return F.mse_loss(unet(noisy, t, text.last_hidden_state).sample, target)

    return descend(unet, steps, 4e-3, loss)


# ---- files


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_index(folder: Path, scheduler: str) -> None:
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.42.1",
            "feature_extractor": [None, None],
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "scheduler": ["diffusers", scheduler],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def make_sd15() -> None:
    folder = MODELS / "tiny-sd15"
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(15)
    tokenizer = write_tokenizer(folder / "tokenizer", 160, "<|endoftext|>")
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            hidden_act="quick_gelu", projection_dim=16, bos_token_id=len(tokenizer) - 2, eos_token_id=2, pad_token_id=1,
        )  # fmt: skip
    ).eval()
    unet = UNet2DConditionModel(
        sample_size=16, block_out_channels=(8, 16), layers_per_block=2, cross_attention_dim=16, attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    ).eval()  # fmt: skip
    for model in (text_encoder, unet, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    print("tiny-sd15 loss", train_unet(unet, text_encoder, tokenizer, "epsilon", 700, generator))

    write_index(folder, "PNDMScheduler")
    text_encoder.config.architectures = ["CLIPTextModel"]
    text_encoder.config.save_pretrained(folder / "text_encoder")
    weights = {f"text_model.{k.removeprefix('text_model.')}": v.contiguous() for k, v in text_encoder.state_dict().items()}
    weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(weights, folder / "text_encoder" / "model.safetensors", {"format": "pt"})
    unet.save_pretrained(folder / "unet")

    vae.save_config(folder / "vae")
    config = json.loads((folder / "vae" / "config.json").read_text())
    write_json(
        folder / "vae" / "config.json",
        {k: v for k, v in config.items() if k in (
            "_class_name", "_diffusers_version", "act_fn", "block_out_channels", "down_block_types", "in_channels",
            "latent_channels", "layers_per_block", "norm_num_groups", "out_channels", "sample_size", "up_block_types",
        )},
    )  # fmt: skip
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = {}
    for key, value in vae.state_dict().items():
        for new_name, old_name in old.items():
            key = key.replace(f"attentions.0.{new_name}.", f"attentions.0.{old_name}.")
        weights[key] = value.contiguous()
    save_file(weights, folder / "vae" / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    (folder / "scheduler").mkdir()
    write_json(
        folder / "scheduler" / "scheduler_config.json",
        {
            "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **BETAS, "clip_sample": False,
            "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None,
        },
    )  # fmt: skip


def make_sd21() -> None:
    folder = MODELS / "tiny-sd21"
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(21)
    tokenizer = write_tokenizer(folder / "tokenizer", 160, "!")
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            hidden_act="gelu", projection_dim=16, bos_token_id=len(tokenizer) - 2, eos_token_id=2, pad_token_id=1,
        )  # fmt: skip
    ).eval()
    unet = UNet2DConditionModel(
        sample_size=32, block_out_channels=(8, 8, 16), layers_per_block=1, cross_attention_dim=16,
        attention_head_dim=[1, 2, 4], use_linear_projection=True, norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 8), layers_per_block=2, norm_num_groups=4, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, scaling_factor=0.5,
    ).eval()  # fmt: skip
    for model in (text_encoder, unet, vae):
        enliven(model, generator)
    text_encoder.half().float()
    scale_vae(vae, generator, 0.5)
    print("tiny-sd21 loss", train_unet(unet, text_encoder, tokenizer, "v_prediction", 700, generator))

    write_index(folder, "DDIMScheduler")
    text_encoder.half().save_pretrained(folder / "text_encoder", variant="fp16")
    config = json.loads((folder / "text_encoder" / "config.json").read_text())
    write_json(folder / "text_encoder" / "config.json", config)
    unet.save_pretrained(folder / "unet", max_shard_size="100KB")
    vae.to(torch.bfloat16).save_pretrained(folder / "vae")
    (folder / "scheduler").mkdir()
    write_json(
        folder / "scheduler" / "scheduler_config.json",
        {
            "_class_name": "DDIMScheduler", "_diffusers_version": "0.8.0", **BETAS, "clip_sample": False,
            "prediction_type": "v_prediction", "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
            "trained_betas": None,
        },
    )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_sd15()
    make_sd21()
