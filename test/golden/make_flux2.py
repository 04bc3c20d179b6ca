"""Makes the tiny FLUX.2 klein folders of fixtures/models: python make_flux2.py

tiny-klein is written as the hub's FLUX.2-klein-4B, which was distilled to 4 steps without guidance; tiny-klein-base as
FLUX.2-klein-base-4B. As in make_models.py the weights are random and the transformers trained for a few seconds on
smooth fields, a part of them beside reference pictures.
"""

import shutil

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
from make_models import MODELS, WORDS, descend, enliven, smooth, write_json
from make_zimage import write_qwen_tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

SCHEDULER = {  # as the hub's folders have it
    "base_image_seq_len": 256, "base_shift": 0.5, "invert_sigmas": False, "max_image_seq_len": 4096, "max_shift": 1.15,
    "num_train_timesteps": 1000, "shift": 3.0, "shift_terminal": None, "stochastic_sampling": False,
    "time_shift_type": "exponential", "use_beta_sigmas": False, "use_dynamic_shifting": True,
    "use_exponential_sigmas": False, "use_karras_sigmas": False,
}  # fmt: skip


def train(pipeline: Flux2KleinPipeline, steps: int, generator: torch.Generator) -> float:
    """Rectified flow on smooth fields whose colour follows the prompt's states and the reference's."""
    transformer = pipeline.transformer
    channels = transformer.config.in_channels
    colour = torch.randn(transformer.config.joint_attention_dim, channels, generator=generator) / 3

    def loss() -> torch.Tensor:
        prompts = [" ".join(WORDS[i] for i in torch.randint(0, len(WORDS), (3,), generator=generator)) for _ in range(4)]
        with torch.no_grad():
            context, text_ids = pipeline.encode_prompt(prompts, max_sequence_length=32)
            reference = smooth(1, channels, 4, 6, generator)
            latents = 0.6 * smooth(4, channels, 6, 6, generator) + 0.3 * (context.mean(1) @ colour)[:, :, None, None]
            latents = latents + 0.5 * reference.mean((2, 3), keepdim=True)
        noise = torch.randn(latents.shape, generator=generator)
        sigma = torch.sigmoid(torch.randn(4, generator=generator))
        noisy = (1 - sigma)[:, None, None, None] * latents + sigma[:, None, None, None] * noise
        pack = Flux2KleinPipeline._pack_latents
        ids = torch.cat(
            [Flux2KleinPipeline._prepare_latent_ids(latents), Flux2KleinPipeline._prepare_image_ids([reference]).repeat(4, 1, 1)], 1
        )
        tokens = torch.cat([pack(noisy), pack(reference).repeat(4, 1, 1)], 1)
        out = transformer(tokens, context, sigma, ids, text_ids).sample
        return F.mse_loss(out[:, :36], pack(noise - latents))

    return descend(transformer, steps, 3e-3, loss)


def scale_vae(vae: AutoencoderKLFlux2, generator: torch.Generator, picture_std: float) -> None:
    """Statistics of the batch norm as its training would leave them, pictures that fill [-1, 1]."""
    with torch.no_grad():
        latents = vae.encode(smooth(6, 3, 64, 64, generator).clamp(-1, 1)).latent_dist.mode()
        squares = Flux2KleinPipeline._patchify_latents(latents)
        vae.bn.running_mean.copy_(squares.mean((0, 2, 3)))
        vae.bn.running_var.copy_(squares.var((0, 2, 3)))
        picture = vae.decode(latents).sample
        vae.decoder.conv_out.weight *= picture_std / picture.std()


def make(name: str, seed: int, distilled: bool, steps: int = 300) -> None:
    folder = MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tokenizer = write_qwen_tokenizer(folder / "tokenizer", 100)
    text_encoder = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=8, intermediate_size=12, num_hidden_layers=28, num_attention_heads=2,
            num_key_value_heads=1, head_dim=4, rms_norm_eps=1e-6, rope_theta=1e6, max_position_embeddings=4096, tie_word_embeddings=True,
        )  # fmt: skip
    ).eval()
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
        timestep_guidance_channels=32, mlp_ratio=1.5, axes_dims_rope=(4, 4, 4, 4), rope_theta=2000, guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        block_out_channels=(4, 4, 4, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        decoder_block_out_channels=None if distilled else (4, 4, 6, 8),
    ).eval()  # fmt: skip
    for model in (text_encoder, transformer, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    for part in (text_encoder, vae):
        part.to(torch.bfloat16).float()
    pipeline = Flux2KleinPipeline(FlowMatchEulerDiscreteScheduler(), vae, text_encoder, tokenizer, transformer, is_distilled=distilled)
    print(name, "loss", train(pipeline, steps, generator))
    for part, model in (("text_encoder", text_encoder), ("transformer", transformer), ("vae", vae)):
        model.to(torch.bfloat16).save_pretrained(folder / part)
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.37.0.dev0", **SCHEDULER}
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "Flux2KleinPipeline",
            "_diffusers_version": "0.37.0.dev0",
            "is_distilled": distilled,
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["transformers", "Qwen3ForCausalLM"],
            "tokenizer": ["transformers", "Qwen2TokenizerFast"],
            "transformer": ["diffusers", "Flux2Transformer2DModel"],
            "vae": ["diffusers", "AutoencoderKLFlux2"],
        },
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    make("tiny-klein", 31, True)
    make("tiny-klein-base", 32, False)
