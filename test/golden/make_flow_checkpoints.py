"""Layouts of single files of FLUX.1, Z-Image and FLUX.2 klein, checked by diffusers' own conversions: fixtures/flow-checkpoints.json.gz

As make_checkpoints.py writes them for the other families. diffusers has no conversion of FLUX.2's VAE: its parts outside
of latent-diffusion's layout are named as in Black Forest Labs' src/flux2/autoencoder.py.

    python make_flow_checkpoints.py
"""

import gzip
import json
import re
from pathlib import Path

import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel, FluxTransformer2DModel, ZImageTransformer2DModel
from diffusers.loaders import single_file_utils as sfu
from make_checkpoints import check, clip, ldm_vae, strip, t5, vae
from make_gguf import convert_flux
from transformers import Qwen3Config, Qwen3ForCausalLM

OUT = Path(__file__).parent / "fixtures" / "flow-checkpoints.json.gz"
PREFIX = "model.diffusion_model."
FLUX_OUTER = {
    "x_embedder": "img_in", "context_embedder": "txt_in", "proj_out": "final_layer.linear",
    "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer", "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
    "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
    "time_text_embed.text_embedder.linear_1": "vector_in.in_layer", "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
    "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer", "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
    **{f"{name}.linear": f"{name}.lin" for name in ("double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation")},
}  # fmt: skip
DOUBLE = {
    "norm1.linear": "img_mod.lin", "norm1_context.linear": "txt_mod.lin", "attn.to_out.0": "img_attn.proj", "attn.to_add_out": "txt_attn.proj",
    "ff.net.0.proj": "img_mlp.0", "ff.net.2": "img_mlp.2", "ff_context.net.0.proj": "txt_mlp.0", "ff_context.net.2": "txt_mlp.2",
    "ff.linear_in": "img_mlp.0", "ff.linear_out": "img_mlp.2", "ff_context.linear_in": "txt_mlp.0", "ff_context.linear_out": "txt_mlp.2",
}  # fmt: skip
NORMS = {"q": "query_norm.scale", "k": "key_norm.scale"}


def flux(name: str, tensor: torch.Tensor) -> tuple[str, str]:
    """FLUX.1's and FLUX.2's, which differ in few names."""
    module, last = name.rsplit(".", 1)
    if module in FLUX_OUTER:
        return f"{FLUX_OUTER[module]}.{last}", "same"
    if module == "norm_out.linear":
        return f"final_layer.adaLN_modulation.1.{last}", "swapped"
    single, number, inner = re.match(r"(single_)?transformer_blocks\.(\d+)\.(.*)", module).groups()
    width = tensor.shape[0]
    if single:
        block = f"single_blocks.{number}."
        if found := re.match(r"attn\.norm_([qk])$", inner):
            return f"{block}norm.{NORMS[found[1]]}", "same"
        if found := re.match(r"attn\.to_([qkv])$", inner):
            return f"{block}linear1.{last}", f"rows {'qkv'.index(found[1]) * width} of {7 * width}"
        if inner == "proj_mlp":
            return f"{block}linear1.{last}", f"rows {3 * width // 4} of {7 * width // 4}"
        names = {"norm.linear": "modulation.lin", "proj_out": "linear2", "attn.to_qkv_mlp_proj": "linear1", "attn.to_out": "linear2"}
        return f"{block}{names[inner]}.{last}", "same"
    block = f"double_blocks.{number}."
    if found := re.match(r"attn\.norm_(added_)?([qk])$", inner):
        return f"{block}{'txt' if found[1] else 'img'}_attn.norm.{NORMS[found[2]]}", "same"
    if found := re.match(r"attn\.(?:to_([qkv])|add_([qkv])_proj)$", inner):
        side, letter = ("img", found[1]) if found[1] else ("txt", found[2])
        return f"{block}{side}_attn.qkv.{last}", f"rows {'qkv'.index(letter) * width} of {3 * width}"
    return f"{block}{DOUBLE[inner]}.{last}", "same"


def z_image(name: str, tensor: torch.Tensor) -> tuple[str, str]:
    name = name.replace("all_x_embedder.2-1.", "x_embedder.").replace("all_final_layer.2-1.", "final_layer.")
    if found := re.match(r"(.*)\.attention\.to_([qkv])\.weight", name):
        return f"{found[1]}.attention.qkv.weight", f"rows {'qkv'.index(found[2]) * tensor.shape[0]} of {3 * tensor.shape[0]}"
    for old, new in {"attention.to_out.0": "attention.out", "attention.norm_q": "attention.q_norm", "attention.norm_k": "attention.k_norm"}.items():
        name = name.replace(old, new)
    return name, "same"


def lay_out(model, rename, prefix: str):
    rows, single = [], {}
    for name, tensor in model.state_dict().items():
        original, how = rename(name, tensor)
        rows.append([name, list(tensor.shape), prefix + original, how])
        if found := re.match(r"rows (\d+) of (\d+)", how):
            first, count = int(found[1]), int(found[2])
            whole = single.setdefault(prefix + original, torch.zeros(count, *tensor.shape[1:]))
            whole[first : first + len(tensor)] = tensor
        else:
            single[prefix + original] = torch.cat(tensor.chunk(2)[::-1]) if how == "swapped" else tensor
    return rows, single


def transformer(model, rename, convert):
    rows, single = lay_out(model, rename, PREFIX)
    check("transformer", model, convert({name.removeprefix(PREFIX): value for name, value in single.items()}))
    return {"config": strip(model.config), "tensors": rows}


def qwen(layers: int, hidden: int):
    config = dict(
        vocab_size=151936, hidden_size=hidden, intermediate_size=12, num_hidden_layers=layers, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, rms_norm_eps=1e-6, rope_theta=1e6, max_position_embeddings=4096, tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(Qwen3Config(**config))
    rows = [
        [name, list(value.shape), f"text_encoders.qwen3_4b.transformer.{name}", "same"]
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"
    ]
    return {"config": config | {"model_type": "qwen3"}, "tensors": rows}


def flux2_vae(config: dict):
    model = AutoencoderKLFlux2(**config)
    levels = len(config["block_out_channels"])
    attention = re.compile(r"mid_block\.attentions\.0\.to_.*weight")

    def rename(name: str) -> tuple[str, str]:
        outer = {"quant_conv": "encoder.quant_conv", "post_quant_conv": "decoder.post_quant_conv"}
        stem, last = name.rsplit(".", 1)
        if stem in outer:
            return f"{outer[stem]}.{last}", "same"
        return ldm_vae(name, {"block_out_channels": [0] * levels}), "convolution" if attention.search(name) else "same"

    state = {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    rows = [[name, list(value.shape), f"vae.{rename(name)[0]}", rename(name)[1]] for name, value in state.items()]
    return {"config": strip(model.config), "tensors": rows}


VAE = dict(block_out_channels=(32, 32, 32, 32), layers_per_block=1, norm_num_groups=32,
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)  # fmt: skip
FLUX_VAE = VAE | dict(latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False, force_upcast=True)
FLUX = dict(in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=32, num_attention_heads=1, joint_attention_dim=64,
            pooled_projection_dim=32, axes_dims_rope=(4, 14, 14))  # fmt: skip


def main() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        models = {
            "flux-dev": {
                "transformer": transformer(FluxTransformer2DModel(**FLUX, guidance_embeds=True), flux, convert_flux),
                "text_encoder": clip("text_encoders.clip_l.transformer.", "quick_gelu", "transformers", False, "text_encoders.clip_l.transformer."),
                "text_encoder_2": t5("text_encoders.t5xxl.transformer."),
                "vae": vae(FLUX_VAE, "vae."),
            },
            "z-image": {
                "transformer": transformer(
                    ZImageTransformer2DModel(in_channels=16, dim=48, n_layers=1, n_refiner_layers=1, n_heads=3, n_kv_heads=3, cap_feat_dim=24,
                                             axes_dims=[4, 6, 6], axes_lens=[1536, 512, 512]),
                    z_image, sfu.convert_z_image_transformer_checkpoint_to_diffusers,
                ),
                "text_encoder": qwen(2, 24),
                "vae": vae(FLUX_VAE, "vae."),
            },
            "klein": {
                "transformer": transformer(
                    Flux2Transformer2DModel(in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
                                            joint_attention_dim=24, timestep_guidance_channels=32, mlp_ratio=1.5, axes_dims_rope=(4, 4, 4, 4),
                                            rope_theta=2000, guidance_embeds=False),
                    flux, sfu.convert_flux2_transformer_checkpoint_to_diffusers,
                ),
                "text_encoder": qwen(28, 8),
                "vae": flux2_vae(VAE | dict(latent_channels=4, decoder_block_out_channels=(32, 32, 64, 64))),
            },
        }  # fmt: skip
    OUT.write_bytes(gzip.compress(json.dumps(models, separators=(",", ":"), default=list).encode(), 9, mtime=0))
    print(OUT, OUT.stat().st_size, {k: {p: len(v["tensors"]) for p, v in m.items()} for k, m in models.items()})


if __name__ == "__main__":
    main()
