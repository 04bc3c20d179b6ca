"""Makes fixtures/models/tiny-z-image and fixtures/qwen.json: python make_zimage.py

It is written as the hub's Z-Image, whose Turbo has the same parts and another shift. As in make_models.py the
weights are random and the transformers trained for a few seconds on smooth fields. fixtures/qwen.json holds what
transformers' tokenizer makes of many texts within the chat template.
"""

import json
import math
import shutil
import sys

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from make_models import MODELS, WORDS, descend, enliven, smooth, write_json
from make_sd3 import PROMPTS, random_prompts, scale_vae
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3Model

#: Qwen2's, word for word.
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
#: What transformers renders Qwen3's template to, for one message of the user and a generation prompt.
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def write_qwen_tokenizer(folder, merges: int) -> Qwen2TokenizerFast:
    """As the hub has Qwen3's: byte pairs over NFC, every digit by itself, chat marks as special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    lines = [" ".join(WORDS), "user assistant user assistant\n\n\n", "A photo of the red mug, watercolor. 빨간 컵 컵 赤い マグ"] * 4
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in ("<think>", "</think>")])
    fast = Qwen2TokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None, model_max_length=131072,
        chat_template=TEMPLATE,
    )  # fmt: skip
    fast.save_pretrained(folder)
    return Qwen2TokenizerFast.from_pretrained(folder)


def train(pipeline: ZImagePipeline, steps: int, generator: torch.Generator) -> float:
    """Rectified flow on smooth fields whose colour follows the prompt's states."""
    transformer = pipeline.transformer
    colour = torch.randn(transformer.config.cap_feat_dim, 16, generator=generator) / 3

    def loss() -> torch.Tensor:
        prompts = [" ".join(WORDS[i] for i in torch.randint(0, len(WORDS), (3,), generator=generator)) for _ in range(4)]
        with torch.no_grad():
            context, _ = pipeline.encode_prompt(list(prompts), do_classifier_free_guidance=False)
            tint = torch.stack([states.mean(0) @ colour for states in context])
            latents = 0.6 * smooth(4, 16, 12, 12, generator) + 0.3 * tint[:, :, None, None]
        noise = torch.randn(latents.shape, generator=generator)
        sigma = torch.sigmoid(torch.randn(4, generator=generator))
        noisy = (1 - sigma)[:, None, None, None] * latents + sigma[:, None, None, None] * noise
        out = torch.stack(transformer(list(noisy.unsqueeze(2)), 1 - sigma, context).sample).squeeze(2)
        return F.mse_loss(-out, noise - latents)

    return descend(transformer, steps, 3e-3, loss)


def new_qwen(tokenizer, kind=Qwen3Model, layers: int = 3):
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=40, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-6, rope_theta=1e6, max_position_embeddings=4096, tie_word_embeddings=True,
    )  # fmt: skip
    return kind(config).eval()


def make(name: str, seed: int, shift: float, steps: int = 300) -> None:
    folder = MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tokenizer = write_qwen_tokenizer(folder / "tokenizer", 140)
    text_encoder = new_qwen(tokenizer)
    transformer = ZImageTransformer2DModel(
        in_channels=16, dim=48, n_layers=2, n_refiner_layers=1, n_heads=3, n_kv_heads=3, cap_feat_dim=24, axes_dims=[4, 6, 6],
        axes_lens=[1024, 512, 512],
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 8), layers_per_block=1, norm_num_groups=2, latent_channels=16, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False, force_upcast=True,
    ).eval()  # fmt: skip
    for model in (text_encoder, transformer, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    for part in (text_encoder, vae):
        part.to(torch.bfloat16).float()
    pipeline = ZImagePipeline(FlowMatchEulerDiscreteScheduler(), vae, text_encoder, tokenizer, transformer)
    print(name, "loss", train(pipeline, steps, generator))
    for part, model in (("text_encoder", text_encoder), ("transformer", transformer), ("vae", vae)):
        model.to(torch.bfloat16).save_pretrained(folder / part)
    (folder / "scheduler").mkdir()
    write_json(
        folder / "scheduler" / "scheduler_config.json",
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.36.0.dev0", "num_train_timesteps": 1000,
         "use_dynamic_shifting": False, "shift": shift},
    )  # fmt: skip
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "ZImagePipeline",
            "_diffusers_version": "0.36.0.dev0",
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["transformers", "Qwen3Model"],
            "tokenizer": ["transformers", "Qwen2Tokenizer"],
            "transformer": ["diffusers", "ZImageTransformer2DModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def make_tokenizer_goldens() -> None:
    """Ids of each text in the template, with thinking (Z-Image) and without (FLUX.2 klein), cut at 512."""
    tokenizer = Qwen2TokenizerFast.from_pretrained(MODELS / "tiny-z-image" / "tokenizer")
    texts = PROMPTS + random_prompts(250) + ["<|im_end|>", "a <think> b</think>", "<|im_start|>user", "1234567890 3.14", "I'M you'Ll don't", "a\n\n b \r\n  c", "   x   "]
    cases = []
    for text in texts:
        case = {"text": text}
        for thinking in (True, False):
            framed = tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=thinking
            )
            ids = tokenizer(framed, truncation=True, max_length=512).input_ids
            case["thinking" if thinking else "plain"] = ids if thinking else ids[-12:]
        cases.append(case)
    path = MODELS.parent / "qwen.json"
    path.write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "goldens" not in sys.argv[1:]:
        make("tiny-z-image", 21, 6.0)
    make_tokenizer_goldens()
