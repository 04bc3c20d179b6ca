"""Makes the tiny Stable Diffusion 3 folders of fixtures/models and what diffusers computes with their parts.

    python make_sd3.py            (models, then fixtures/sd3)
    python make_sd3.py goldens    (fixtures/sd3 alone, from the models that lie there)

tiny-sd3 is written as the hub's SD3 medium (no norm of queries and keys, a T5 tokenizer as tokenizer.json);
tiny-sd35-medium as SD3.5 medium (dual attention, RMS norm, half-width and sharded weights, a T5 tokenizer as
spiece.model alone); tiny-sd3-no-t5 is tiny-sd3 without its third text encoder. As in make_models.py the weights are
random and the transformers trained for a few seconds on smooth fields. Their T5 tokenizers have a short normaliser,
since T5's own (nmt_nfkc) is larger than the rest of such a folder; fixtures/sd3/t5-tokenizer has all of it.
"""

import io
import json
import math
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from make_models import MODELS, WORDS, enliven, smooth, write_json, write_tokenizer
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel, T5TokenizerFast

GOLDENS = MODELS.parent / "sd3"
#: Letters beyond the words: what a prompt in another script finds, and what it does not (é yes, ö no).
LETTERS = "빨간 컵 赤 красная é ü ß 0 1 2 3 4 5 6 7 8 9 ! ? . , : ; ' - ( ) fi 1/2 B C D E F G H I J K L M N O P Q R S T U V W X Y Z"


# ---- tokenizer


def short_rules(folder: str) -> str:
    """What nmt_nfkc does to a few letters, as a table of sentencepiece: controls go, spaces and signs fold."""
    rules = {(c,): () for c in (1, 7, 8, 0x1F, 0x7F, 0xAD, 0x200B)}
    rules |= {(c,): (0x20,) for c in (9, 10, 13, 0xA0, 0x2003, 0x2028, 0x3000)}
    folded = [*range(0xFB00, 0xFB07), *range(0x2460, 0x2469), *range(0xFF01, 0xFF5F), 0xBD, 0x2163, 0x210C]
    folded += [(ord(c), mark) for c in "aeiou" for mark in (0x300, 0x301, 0x308)]
    for source in folded:
        source = source if isinstance(source, tuple) else (source,)
        rules[source] = tuple(map(ord, unicodedata.normalize("NFKC", "".join(map(chr, source)))))
    path = Path(folder) / "rules.tsv"
    hexadecimal = lambda points: " ".join(f"{p:04X}" for p in points)
    path.write_text("".join(f"{hexadecimal(a)}\t{hexadecimal(b)}\n" for a, b in rules.items()))
    return str(path)


def sentencepiece_model(seed: int, size: int, **normalization: str) -> bytes:
    """Options as T5's: unigrams, padding 0, end 1, unknown 2, no beginning."""
    shuffled = np.random.default_rng(seed)
    # Words in pairs too, so that a text can be cut in many ways.
    pairs = [a + b for a, b in shuffled.choice(WORDS, (400, 2))]
    lines = [" ".join(shuffled.permutation(WORDS + pairs)[:12]) for _ in range(300)] + [LETTERS] * 3 + ["A Photo of The Red Mug"] * 4
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="unigram", vocab_size=size, num_threads=1,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=1.0, minloglevel=2,
        **normalization,
    )  # fmt: skip
    return model.getvalue()


def write_t5_tokenizer(folder: Path, model: bytes, keep_json: bool) -> T5TokenizerFast:
    """As the hub has it: tokenizer.json (and spiece.model, left out here for its size) or spiece.model alone."""
    folder.mkdir(parents=True)
    (folder / "spiece.model").write_bytes(model)
    tokenizer = T5TokenizerFast.from_pretrained(folder, model_max_length=512)
    if keep_json:
        tokenizer.save_pretrained(folder)
        (folder / "spiece.model").unlink()
    else:
        write_json(folder / "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 100, "model_max_length": 512,
            "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"})  # fmt: skip
    return T5TokenizerFast.from_pretrained(folder)


# ---- weights


def clip(tokenizer, act: str, size: int, heads: int) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=size, intermediate_size=2 * size, num_hidden_layers=2, num_attention_heads=heads,
            hidden_act=act, projection_dim=size, bos_token_id=len(tokenizer) - 2, eos_token_id=2, pad_token_id=1,
        )  # fmt: skip
    ).eval()


def scale_vae(vae: AutoencoderKL, generator: torch.Generator, picture_std: float) -> None:
    """make_models.scale_vae for a VAE without quant_conv: latents, shifted and scaled, of mean 0 and std 1."""
    channels, side = vae.config.latent_channels, 2 ** (len(vae.config.block_out_channels) - 1)
    with torch.no_grad():
        moments = vae.encoder(smooth(4, 3, 8 * side, 8 * side, generator).clamp(-1, 1))
        mean = moments[:, :channels].mean((0, 2, 3))
        factor = 1 / (vae.config.scaling_factor * moments[:, :channels].std())
        out = vae.encoder.conv_out
        out.weight[:channels] *= factor
        out.bias[:channels] = (out.bias[:channels] - mean) * factor + vae.config.shift_factor
        out.bias[channels:] += 2 * math.log(0.1 / vae.config.scaling_factor)
        latents = torch.randn(4, channels, 8, 8, generator=generator) / vae.config.scaling_factor + vae.config.shift_factor
        vae.decoder.conv_out.weight *= picture_std / vae.decode(latents).sample.std()


def train_transformer(pipeline: StableDiffusion3Pipeline, steps: int, generator: torch.Generator) -> float:
    """Rectified flow (Liu et al. 2022) on smooth fields whose colour follows the prompt's embeddings."""
    transformer = pipeline.transformer
    channels, width = transformer.config.in_channels, transformer.config.pooled_projection_dim
    colour = torch.randn(width, channels, generator=generator) / math.sqrt(width)
    optimizer = torch.optim.Adam(transformer.parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    average = 1.0
    for _ in range(steps):
        prompts = []
        for _ in range(8):
            count = int(torch.randint(0, 6, (1,), generator=generator))
            prompts.append(" ".join(WORDS[i] for i in torch.randint(0, len(WORDS), (count,), generator=generator)))
        with torch.no_grad():
            context, _, pooled, _ = pipeline.encode_prompt(prompts, prompts, prompts, do_classifier_free_guidance=False, max_sequence_length=32)
            tint = (pooled @ colour + context.mean(1) @ colour[: context.shape[2]].repeat(2, 1)[: context.shape[2]])[:, :, None, None]
            latents = 0.6 * smooth(8, channels, 16, 16, generator) + 0.7 * tint
        noise = torch.randn(latents.shape, generator=generator)
        sigma = torch.sigmoid(torch.randn(8, generator=generator))
        noisy = (1 - sigma)[:, None, None, None] * latents + sigma[:, None, None, None] * noise
        loss = F.mse_loss(transformer(noisy, context, pooled, 1000 * sigma).sample, noise - latents)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
        optimizer.step()
        rate.step()
        average = 0.98 * average + 0.02 * loss.item()
    return average


# ---- folders


def make_pipeline(folder: Path, seed: int, json_tokenizer: bool, feed_forward: str, vae_blocks: tuple, **options) -> StableDiffusion3Pipeline:
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    tokenizer = write_tokenizer(folder / "tokenizer", 100, "<|endoftext|>")
    tokenizer_2 = write_tokenizer(folder / "tokenizer_2", 100, "!")
    with tempfile.TemporaryDirectory() as temporary:
        model = sentencepiece_model(seed, 250, normalization_rule_tsv=short_rules(temporary))
    tokenizer_3 = write_t5_tokenizer(folder / "tokenizer_3", model, json_tokenizer)
    text_encoder, text_encoder_2 = clip(tokenizer, "quick_gelu", 8, 2), clip(tokenizer_2, "gelu", 12, 3)
    text_encoder_3 = T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer_3), d_model=24, d_kv=6, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj=feed_forward,
            tie_word_embeddings=False, is_encoder_decoder=False,
        )  # fmt: skip
    ).eval()
    transformer = SD3Transformer2DModel(
        patch_size=2, in_channels=16, out_channels=16, attention_head_dim=8, num_attention_heads=2, caption_projection_dim=16,
        joint_attention_dim=24, pooled_projection_dim=20, **options,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=vae_blocks, layers_per_block=1, norm_num_groups=2, latent_channels=16, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * len(vae_blocks), up_block_types=("UpDecoderBlock2D",) * len(vae_blocks),
        scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False, force_upcast=True,
    ).eval()  # fmt: skip
    for model in (text_encoder, text_encoder_2, text_encoder_3, transformer, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    pipeline = StableDiffusion3Pipeline(
        transformer, FlowMatchEulerDiscreteScheduler(shift=3.0), vae, text_encoder, tokenizer, text_encoder_2, tokenizer_2,
        text_encoder_3, tokenizer_3,
    )  # fmt: skip
    for model in (text_encoder, text_encoder_2, text_encoder_3):  # train with what the files will hold
        model.half().float()
    print(folder.name, "loss", train_transformer(pipeline, 500, generator))
    return pipeline


def write_index(folder: Path, t5: bool) -> None:
    third = {"text_encoder_3": ["transformers", "T5EncoderModel"], "tokenizer_3": ["transformers", "T5TokenizerFast"]}
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusion3Pipeline",
            "_diffusers_version": "0.42.1",
            "feature_extractor": [None, None],
            "image_encoder": [None, None],
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
            "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "tokenizer_2": ["transformers", "CLIPTokenizer"],
            **(third if t5 else {key: [None, None] for key in third}),
            "transformer": ["diffusers", "SD3Transformer2DModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def write_scheduler(folder: Path) -> None:
    """Word for word what the hub's SD3 and SD3.5 folders have."""
    (folder / "scheduler").mkdir()
    write_json(
        folder / "scheduler" / "scheduler_config.json",
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.29.0.dev0", "num_train_timesteps": 1000, "shift": 3.0},
    )


def make_sd3() -> None:
    folder = MODELS / "tiny-sd3"
    pipeline = make_pipeline(folder, 3, True, "gated-gelu", (4, 8, 8), sample_size=16, num_layers=2, pos_embed_max_size=16)
    for part in (pipeline.text_encoder, pipeline.text_encoder_2, pipeline.vae):
        part.half()
    for part in ("text_encoder", "text_encoder_2", "text_encoder_3", "transformer", "vae"):
        getattr(pipeline, part).save_pretrained(folder / part)
    write_index(folder, t5=True)
    write_scheduler(folder)

    without = MODELS / "tiny-sd3-no-t5"
    shutil.rmtree(without, ignore_errors=True)
    shutil.copytree(folder, without, ignore=shutil.ignore_patterns("*_3"))
    write_index(without, t5=False)


def make_sd35_medium() -> None:
    folder = MODELS / "tiny-sd35-medium"
    pipeline = make_pipeline(
        folder, 35, False, "gated-gelu", (4, 4, 8, 8), sample_size=8, num_layers=3, pos_embed_max_size=20, dual_attention_layers=(0, 1), qk_norm="rms_norm",
    )  # fmt: skip
    for part in ("text_encoder", "text_encoder_2"):
        getattr(pipeline, part).save_pretrained(folder / part)
    pipeline.text_encoder_3.half().save_pretrained(folder / "text_encoder_3", max_shard_size="15KB")
    pipeline.transformer.half().save_pretrained(folder / "transformer", max_shard_size="60KB")
    pipeline.vae.to(torch.bfloat16).save_pretrained(folder / "vae")
    write_index(folder, t5=True)
    write_scheduler(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "goldens" not in sys.argv[1:]:
        make_sd3()
        make_sd35_medium()
