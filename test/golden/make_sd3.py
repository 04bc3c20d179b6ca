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
import random
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
from make_models import MODELS, WORDS, descend, enliven, smooth, write_json, write_tokenizer
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

    def loss() -> torch.Tensor:
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
        return F.mse_loss(transformer(noisy, context, pooled, 1000 * sigma).sample, noise - latents)

    return descend(transformer, steps, 3e-3, loss)


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


# ---- goldens

PROMPTS = [
    "", " ", "a red mug on a table, watercolor", "A  RED\tMug\n on\r\n a   table", "it's the cat's, don't", "wow!! 1234 3.14 x2",
    "redmug treehouse bluesea lampchair", "café cafe\u0301 naïve ÅNGSTRÖM straße İstanbul", "e\u0301\u0302 a\u0300\u0301\u0302\u0303 \u0301", "빨간 컵", "빨간 컵 한글",
    "赤いマグカップ 日本語 ﾏｸﾞｶｯﾌﾟ ㍿ ㌔", "красная кружка", "मग लाल क्षत्रिय", "แก้วสีแดง น้ำ", "كوب أحمر ﷺ ﻼ", "😀 👩\u200d🚀 🇩🇪 ❤\ufe0f a😀b 👍🏽 1\ufe0f\u20e3",
    "a\u00a0b\u2003c\u3000d\u200be\ufefff\u0085g\u2028h\u180ei", "nul\u0000bell\u0007esc\u001b\u001c\u001d\u001f\u007f end\u0080\u009f", "a\u0000", "\u0000",
    "ﬁ ﬀ ﬃsh ① ⑳ Ⅷ ℌ ½ ² ™ ㎏ ﬁ\u0301 ①\u0302", "ＦＵＬＬ　ｗｉｄｔｈ！", "Ａ\u0301 ｅ\u0308", "～ ~ 〜 ˜", "a▁b ▁ ▁▁x x▁", "a\u200db\u00adc\u2060d", "</s>", "a </s> b", "<pad><unk>", "<extra_id_0> x<extra_id_99>y",
    "< extra_id_0> <extra_id_100> </ s>", "<EXTRA_ID_0>", "xyzzy qwrtp zzzz", "ööö ö ö", "𝓌𝒶𝓉𝑒𝓇 𠮷 𝟙", "ǅ ǈ Ω K ſ Å", "٠١٢ 🅰 🆒", "\ufdfa", "가각힣 \u1100\u1161\u11a8 \u1100", "\u0958 \u0915\u093c", "\r\n\r\n", "\u2126\u0301",
    "word " * 90, "red mug " * 200, "a" * 700, "supercalifragilistic " * 40, "🎉" * 50, "the sea " * 127 + "sea", "the sea " * 128,
]  # fmt: skip


def random_prompts(count: int) -> list[str]:
    source = random.Random(3)
    ranges = [(97, 123), (32, 127), (0, 32), (127, 256), (256, 0x250), (0x300, 0x340), (0x370, 0x530), (0x900, 0x980), (0xE00, 0xE60), (0x1100, 0x1200), (0x1E00, 0x2100)]
    ranges += [(0x2100, 0x2200), (0x2460, 0x2500), (0x3000, 0x3100), (0x3200, 0x3400), (0xAC00, 0xD7A4), (0xF900, 0xFB50), (0xFB50, 0xFE00), (0xFE00, 0xFFF0), (0x1D400, 0x1D500), (0x1F100, 0x1F600)]
    prompts = []
    for _ in range(count):
        parts = []
        for _ in range(source.randint(1, 6)):
            low, high = source.choice(ranges)
            parts.append("".join(chr(source.randrange(low, high)) for _ in range(source.randint(1, 5))))
            if source.random() < 0.3:
                parts.append(source.choice(WORDS))
        prompts.append(" ".join(parts) if source.random() < 0.4 else "".join(parts))
    return prompts


def tokenizer_cases(folder: str, max_length: int, prompts: list[str]) -> dict:
    """Ids without their padding, and how many the whole text would need."""
    tokenizer = T5TokenizerFast.from_pretrained(MODELS.parent / folder)
    cases = []
    for prompt in prompts:
        ids = tokenizer(prompt, padding="max_length", max_length=max_length, truncation=True, add_special_tokens=True).input_ids
        assert len(ids) == max_length
        end = max(i for i, token in enumerate(ids) if token != 0) + 1
        cases.append({"prompt": prompt, "ids": ids[:end], "count": len(tokenizer(prompt).input_ids)})
    return {"folder": folder, "maxLength": max_length, "cases": cases}


def make_tokenizers() -> None:
    folder = GOLDENS / "t5-tokenizer"
    folder.mkdir()
    (folder / "spiece.model").write_bytes(sentencepiece_model(5, 330, normalization_rule_name="nmt_nfkc"))
    goldens = [
        tokenizer_cases("sd3/t5-tokenizer", 256, PROMPTS + random_prompts(400)),
        tokenizer_cases("models/tiny-sd3/tokenizer_3", 77, PROMPTS + random_prompts(40)),
        tokenizer_cases("models/tiny-sd35-medium/tokenizer_3", 256, PROMPTS + random_prompts(40)),
    ]
    (GOLDENS / "tokenizers.json").write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


@torch.no_grad()
def make_components(model: str) -> list[dict]:
    """Single calls of each part, as folders.test.ts takes them."""
    generator = torch.Generator().manual_seed(1)
    pipeline = StableDiffusion3Pipeline.from_pretrained(MODELS / model, torch_dtype=torch.float32)
    cases = []

    def save(name: str, tensor) -> str:
        np.save(GOLDENS / f"{name}.npy", np.ascontiguousarray(tensor.numpy()))
        return f"sd3/{name}.npy"

    def case(component: str, name: str, inputs: dict, outputs: dict) -> None:
        files = {
            kind: {key: save(f"{model}-{name}-{key}", value) for key, value in tensors.items()}
            for kind, tensors in (("inputs", inputs), ("outputs", outputs))
        }
        cases.append({"model": model, "component": component, "name": name, **files})

    prompts = ["a red mug on a table, watercolor", ""]
    for part, tokenizer, encoder, length in (
        ("text_encoder", pipeline.tokenizer, pipeline.text_encoder, 77),
        ("text_encoder_2", pipeline.tokenizer_2, pipeline.text_encoder_2, 77),
        ("text_encoder_3", pipeline.tokenizer_3, pipeline.text_encoder_3, 256),
    ):
        ids = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        if part == "text_encoder_3":
            case(part, part, {"input_ids": ids[:, :40]}, {"last_hidden_state": encoder(ids[:, :40]).last_hidden_state})
            continue
        out = encoder(ids, output_hidden_states=True)
        case(part, part, {"input_ids": ids}, {"text_embeds": out.text_embeds, f"hidden_states.{len(out.hidden_states) - 2}": out.hidden_states[-2]})
    context, negative, pooled, negative_pooled = pipeline.encode_prompt(prompts[0], prompts[0], prompts[0], negative_prompt="", max_sequence_length=32)
    context, pooled = torch.cat([negative, context]), torch.cat([negative_pooled, pooled])
    config = pipeline.transformer.config
    for name, batch, height, width, times in (
        ("transformer", 2, 8, 8, [1000.0]), ("transformer-wide", 1, 8, 24, [548.05]), ("transformer-tall", 2, 28, 10, [8.93, 833.3]),
    ):  # fmt: skip
        latents = torch.randn(batch, config.in_channels, height, width, generator=generator)
        timestep = torch.tensor(times)
        out = pipeline.transformer(latents, context[:batch], pooled[:batch], timestep).sample
        inputs = {"hidden_states": latents, "encoder_hidden_states": context[:batch], "pooled_projections": pooled[:batch], "timestep": timestep}
        case("transformer", name, inputs, {"out_hidden_states": out})
    image = torch.rand(1, 3, 32, 48, generator=generator) * 2 - 1
    moments = pipeline.vae.encode(image).latent_dist.parameters
    case("vae_encoder", "vae-encoder", {"sample": image}, {"latent_parameters": moments})
    latents = moments[:, :16]
    case("vae_decoder", "vae-decoder", {"latent_sample": latents}, {"sample": pipeline.vae.decode(latents).sample})
    return cases


def make_goldens() -> None:
    shutil.rmtree(GOLDENS, ignore_errors=True)
    GOLDENS.mkdir()
    make_tokenizers()
    cases = [case for model in ("tiny-sd3", "tiny-sd35-medium") for case in make_components(model)]
    (GOLDENS / "components.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "goldens" not in sys.argv[1:]:
        make_sd3()
        make_sd35_medium()
    make_goldens()
