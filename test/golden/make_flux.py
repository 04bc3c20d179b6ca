"""Makes the tiny FLUX.1 folders of fixtures/models: python make_flux.py

tiny-flux-dev is written as the hub's FLUX.1-dev (embedded guidance, a shift that grows with the picture), tiny-flux-schnell
as FLUX.1-schnell (none of both). As in make_models.py the weights are random and the transformers trained for a few
seconds on smooth fields.
"""

import math
import shutil
import tempfile

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from make_models import MODELS, WORDS, descend, enliven, smooth, write_json, write_tokenizer
from make_sd3 import scale_vae, sentencepiece_model, short_rules, write_t5_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

SCHEDULERS = {  # word for word what the hub's folders have
    "dev": {"base_image_seq_len": 256, "base_shift": 0.5, "max_image_seq_len": 4096, "max_shift": 1.15, "num_train_timesteps": 1000, "shift": 3.0, "use_dynamic_shifting": True},
    "schnell": {"base_image_seq_len": 256, "base_shift": 0.5, "max_image_seq_len": 4096, "max_shift": 1.15, "num_train_timesteps": 1000, "shift": 1.0, "use_dynamic_shifting": False},
}  # fmt: skip


def train(pipeline: FluxPipeline, steps: int, generator: torch.Generator) -> float:
    """Rectified flow on smooth fields whose colour follows the prompt's embeddings."""
    transformer = pipeline.transformer
    channels = transformer.config.in_channels // 4
    colour = torch.randn(transformer.config.pooled_projection_dim, channels, generator=generator) / 3

    def loss() -> torch.Tensor:
        prompts = [" ".join(WORDS[i] for i in torch.randint(0, len(WORDS), (3,), generator=generator)) for _ in range(8)]
        with torch.no_grad():
            context, pooled, text_ids = pipeline.encode_prompt(prompts, prompts, max_sequence_length=32)
            latents = 0.6 * smooth(8, channels, 12, 12, generator) + 0.7 * (pooled @ colour)[:, :, None, None]
        noise = torch.randn(latents.shape, generator=generator)
        sigma = torch.sigmoid(torch.randn(8, generator=generator))
        noisy = (1 - sigma)[:, None, None, None] * latents + sigma[:, None, None, None] * noise
        pack = lambda x: FluxPipeline._pack_latents(x, 8, channels, 12, 12)
        ids = FluxPipeline._prepare_latent_image_ids(8, 6, 6, "cpu", torch.float32)
        guidance = 1 + 6 * torch.rand(8, generator=generator) if transformer.config.guidance_embeds else None
        out = transformer(pack(noisy), context, pooled, sigma, ids, text_ids, guidance).sample
        return F.mse_loss(out, pack(noise - latents))

    return descend(transformer, steps, 3e-3, loss)


def make(kind: str, seed: int, steps: int = 400) -> None:
    folder = MODELS / f"tiny-flux-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tokenizer = write_tokenizer(folder / "tokenizer", 60, "<|endoftext|>")
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer_2 = write_t5_tokenizer(
            folder / "tokenizer_2", sentencepiece_model(seed, 240, normalization_rule_tsv=short_rules(temporary)), False
        )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            projection_dim=12, bos_token_id=len(tokenizer) - 2, eos_token_id=2, pad_token_id=1,
        )  # fmt: skip
    ).eval()
    text_encoder_2 = T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer_2), d_model=16, d_kv=4, d_ff=24, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu",
            tie_word_embeddings=False, is_encoder_decoder=False,
        )  # fmt: skip
    ).eval()
    transformer = FluxTransformer2DModel(
        in_channels=64, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16,
        pooled_projection_dim=12, guidance_embeds=kind == "dev", axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 8), layers_per_block=1, norm_num_groups=2, latent_channels=16, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False, force_upcast=True,
    ).eval()  # fmt: skip
    for model in (text_encoder, text_encoder_2, transformer, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    parts = {"text_encoder": text_encoder, "text_encoder_2": text_encoder_2, "transformer": transformer, "vae": vae}
    for part in (text_encoder, text_encoder_2, vae):  # train with what the files will hold
        part.half().float()
    pipeline = FluxPipeline(FlowMatchEulerDiscreteScheduler(), vae, text_encoder, tokenizer, text_encoder_2, tokenizer_2, transformer)
    print(folder.name, "loss", train(pipeline, steps, generator))
    for name, part in parts.items():
        (part.to(torch.bfloat16) if name == "transformer" else part.half()).save_pretrained(folder / name)
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.30.0.dev0", **SCHEDULERS[kind]}
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "FluxPipeline",
            "_diffusers_version": "0.30.0.dev0",
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "text_encoder_2": ["transformers", "T5EncoderModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "tokenizer_2": ["transformers", "T5TokenizerFast"],
            "transformer": ["diffusers", "FluxTransformer2DModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    make("dev", 11)
    make("schnell", 12)
