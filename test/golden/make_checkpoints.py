"""Layouts of single-file checkpoints, checked by diffusers' own conversions (loaders/single_file_utils.py).

For a small model of each family: the config of each part, and for each of its tensors the name, the shape, the name in
the single file and how it lies there. Weights are not kept: a test draws some, writes them both as a folder and as a
single file, and compares the latents. Each layout is proven here by converting a single file of distinct numbers with
diffusers and comparing every tensor with the folder's.

    python make_checkpoints.py
"""

import gzip
import json
import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils as sfu
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

OUT = Path(__file__).parent / "fixtures" / "checkpoints.json.gz"

LDM_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
LDM_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}


def ldm_unet(name, config):
    layers = config["layers_per_block"]
    stem, last = name.rsplit(".", 1)
    if stem in LDM_ENDS:
        return f"{LDM_ENDS[stem]}.{last}"
    resnet = lambda rest: ".".join([LDM_RESNET[rest.rsplit(".", 1)[0]], last])
    if m := re.match(r"down_blocks\.(\d+)\.(resnets|attentions|downsamplers)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(m[1]), m[2], int(m[3]), m[4]
        at = 1 + block * (layers + 1) + (layers if kind == "downsamplers" else layer)
        if kind == "downsamplers":
            return f"input_blocks.{at}.0.op.{last}"
        return f"input_blocks.{at}.0.{resnet(rest)}" if kind == "resnets" else f"input_blocks.{at}.1.{rest}"
    if m := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name):
        return f"middle_block.{2 * int(m[2])}.{resnet(m[3])}" if m[1] == "resnets" else f"middle_block.1.{m[3]}"
    if m := re.match(r"up_blocks\.(\d+)\.(resnets|attentions|upsamplers)\.(\d+)\.(.*)", name):
        block, kind, layer, rest = int(m[1]), m[2], int(m[3]), m[4]
        at = block * (layers + 1) + (layers if kind == "upsamplers" else layer)
        if kind == "upsamplers":
            attends = config["up_block_types"][block].startswith("Cross")
            return f"output_blocks.{at}.{2 if attends else 1}.conv.{last}"
        return f"output_blocks.{at}.0.{resnet(rest)}" if kind == "resnets" else f"output_blocks.{at}.1.{rest}"
    raise KeyError(name)


def ldm_vae(name, config):
    levels = len(config["block_out_channels"])
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.down.\1.block.", name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0\.", r"encoder.down.\1.downsample.", name)
    name = re.sub(r"decoder\.up_blocks\.(\d+)\.resnets\.", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.", name)
    name = re.sub(r"decoder\.up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample.", name)
    name = re.sub(r"mid_block\.resnets\.(\d)\.", lambda m: f"mid.block_{int(m[1]) + 1}.", name)
    for new, old in {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
        name = name.replace(f"mid_block.attentions.0.{new}.", f"mid.attn_1.{old}.")
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    return name


def open_clip(name):
    """The name, and which third of a fused matrix."""
    name = name.removeprefix("text_model.")
    if name == "text_projection.weight":
        return "text_projection", "transposed"
    ends = {
        "embeddings.position_embedding.weight": "positional_embedding",
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    if name in ends:
        return ends[name], "same"
    m = re.match(r"encoder\.layers\.(\d+)\.(.*)\.(weight|bias)", name)
    layer, module, last = m[1], m[2], m[3]
    to = f"transformer.resblocks.{layer}."
    if m := re.match(r"self_attn\.([qkv])_proj", module):
        return f"{to}attn.in_proj_{last}", f"third {'qkv'.index(m[1])}"
    return to + module.replace("self_attn.out_proj", "attn.out_proj").replace(
        module, OPEN_CLIP.get(module, module.replace("self_attn", "attn"))
    ) + f".{last}", "same"


def sd3(name, layers):
    """The name, and how the tensor lies there."""
    ends = {
        "pos_embed.pos_embed": "pos_embed",
        "pos_embed.proj": "x_embedder.proj",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
        "context_embedder": "context_embedder",
        "proj_out": "final_layer.linear",
    }
    if name in ends:
        return ends[name], "same"
    stem, last = name.rsplit(".", 1)
    if stem in ends:
        return f"{ends[stem]}.{last}", "same"
    if stem == "norm_out.linear":
        return f"final_layer.adaLN_modulation.1.{last}", "swapped"
    m = re.match(r"transformer_blocks\.(\d+)\.(.*)", stem)
    block, module = int(m[1]), m[2]
    to = f"joint_blocks.{block}."
    modules = {
        "norm1.linear": "x_block.adaLN_modulation.1",
        "norm1_context.linear": "context_block.adaLN_modulation.1",
        "ff.net.0.proj": "x_block.mlp.fc1",
        "ff.net.2": "x_block.mlp.fc2",
        "ff_context.net.0.proj": "context_block.mlp.fc1",
        "ff_context.net.2": "context_block.mlp.fc2",
        "attn.to_out.0": "x_block.attn.proj",
        "attn.to_add_out": "context_block.attn.proj",
        "attn2.to_out.0": "x_block.attn2.proj",
        "attn.norm_q": "x_block.attn.ln_q",
        "attn.norm_k": "x_block.attn.ln_k",
        "attn2.norm_q": "x_block.attn2.ln_q",
        "attn2.norm_k": "x_block.attn2.ln_k",
        "attn.norm_added_q": "context_block.attn.ln_q",
        "attn.norm_added_k": "context_block.attn.ln_k",
    }
    if module in modules:
        swapped = module == "norm1_context.linear" and block == layers - 1
        return f"{to}{modules[module]}.{last}", "swapped" if swapped else "same"
    if m := re.match(r"(attn2?)\.to_([qkv])$", module):
        return f"{to}x_block.{m[1]}.qkv.{last}", f"third {'qkv'.index(m[2])}"
    if m := re.match(r"attn\.add_([qkv])_proj$", module):
        return f"{to}context_block.attn.qkv.{last}", f"third {'qkv'.index(m[1])}"
    raise KeyError(name)


def lay_out(model, rename, prefix):
    """[name, shape, name in the file, how], and the single file's tensors."""
    rows, single, thirds = [], {}, {}
    for name, tensor in model.state_dict().items():
        if name.endswith("position_ids"):
            continue
        original, how = rename(name)
        original = prefix + original
        rows.append([name, list(tensor.shape), original, how])
        if how.startswith("third"):
            thirds.setdefault(original, [None] * 3)[int(how[-1])] = tensor
        elif how == "transposed":
            single[original] = tensor.T.contiguous()
        elif how == "swapped":
            single[original] = torch.cat(tensor.chunk(2)[::-1])
        elif how == "convolution":
            single[original] = tensor[:, :, None, None]
        else:
            single[original] = tensor
    single.update({name: torch.cat(parts) for name, parts in thirds.items()})
    return rows, single


def check(part, model, converted):
    wanted = {k: v for k, v in model.state_dict().items() if not k.endswith("position_ids")}
    plain = {k.removeprefix("text_model."): v for k, v in converted.items() if not k.endswith("position_ids")}
    wanted = {k.removeprefix("text_model."): v for k, v in wanted.items()}
    assert plain.keys() == wanted.keys(), (part, plain.keys() ^ wanted.keys())
    for name, tensor in wanted.items():
        assert torch.equal(plain[name], tensor), (part, name)


def strip(config):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in dict(config).items() if not k.startswith("_")}


def unet(config, prefix="model.diffusion_model."):
    model = UNet2DConditionModel(**config)
    rows, single = lay_out(model, lambda name: (ldm_unet(name, config), "same"), prefix)
    check("unet", model, sfu.convert_ldm_unet_checkpoint(dict(single), dict(model.config)))
    return {"config": strip(model.config), "tensors": rows}


def vae(config, prefix="first_stage_model."):
    model = AutoencoderKL(**config)
    attention = re.compile(r"mid_block\.attentions\.0\.to_.*weight")
    rename = lambda name: (ldm_vae(name, config), "convolution" if attention.search(name) else "same")
    rows, single = lay_out(model, rename, prefix)
    check("vae", model, sfu.convert_ldm_vae_checkpoint(dict(single), dict(model.config)))
    return {"config": strip(model.config), "tensors": rows}


CLIP = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=1, projection_dim=32)
CLIP_KEYS = [
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("max_position_embeddings", "projection_dim", "hidden_act", "layer_norm_eps", "eos_token_id"),
]


def clip(prefix, act, layout, projection, remove=None):
    cls = CLIPTextModelWithProjection if projection else CLIPTextModel
    model = cls(CLIPTextConfig(**CLIP, hidden_act=act, eos_token_id=2))
    if layout == "open_clip":
        rows, single = lay_out(model, open_clip, prefix)
        converted = sfu.convert_open_clip_checkpoint(model, dict(single), prefix=prefix)
    else:
        whole = lambda name: name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}"
        rows, single = lay_out(model, lambda name: (whole(name), "same"), prefix)
        converted = sfu.convert_ldm_clip_checkpoint(dict(single), remove)
    check("text_encoder", model, converted)
    config = {key: getattr(model.config, key) for key in CLIP_KEYS}
    return {"config": config | {"architectures": [cls.__name__]}, "tensors": rows}


def t5(prefix):
    config = dict(vocab_size=32128, d_model=64, d_kv=64, d_ff=96, num_layers=2, num_heads=1)
    model = T5EncoderModel(T5Config(**config, feed_forward_proj="gated-gelu"))
    state = {k: v for k, v in model.state_dict().items() if k != "encoder.embed_tokens.weight"}
    rows = [[name, list(tensor.shape), prefix + name, "same"] for name, tensor in state.items()]
    converted = sfu.convert_sd3_t5_checkpoint_to_diffusers({prefix + k: v for k, v in state.items()})
    assert converted.keys() == state.keys()
    return {"config": config | {"feed_forward_proj": "gated-gelu"}, "tensors": rows}


def transformer(layers, dual, qk_norm, prefix="model.diffusion_model."):
    model = SD3Transformer2DModel(
        sample_size=128, num_layers=layers, attention_head_dim=64, num_attention_heads=1, caption_projection_dim=64,
        joint_attention_dim=64, pooled_projection_dim=64, pos_embed_max_size=16, dual_attention_layers=dual,
        qk_norm="rms_norm" if qk_norm else None, in_channels=16, out_channels=16,
    )
    rows, single = lay_out(model, lambda name: sd3(name, layers), prefix)
    check("transformer", model, sfu.convert_sd3_transformer_checkpoint_to_diffusers(dict(single)))
    return {"config": strip(model.config), "tensors": rows}


UNET = dict(block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=32, cross_attention_dim=32)
DOWN, CROSS_DOWN, UP, CROSS_UP = "DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"
FIRST = dict(down_block_types=(CROSS_DOWN, DOWN), up_block_types=(UP, CROSS_UP))
LAST = dict(down_block_types=(DOWN, CROSS_DOWN), up_block_types=(CROSS_UP, UP))
VAE = dict(
    block_out_channels=(32, 32), layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=32,
)


def main():
    torch.manual_seed(0)
    sd1_unet = UNET | FIRST | dict(attention_head_dim=8, sample_size=64)
    sd1_clip = lambda: clip("cond_stage_model.transformer.", "quick_gelu", "transformers", False)
    sd1_vae = lambda: vae(VAE | dict(scaling_factor=0.18215))
    sd3_vae = lambda: vae(
        VAE | dict(latent_channels=16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False)
    )
    sd3_parts = lambda: {
        "text_encoder": clip("text_encoders.clip_l.transformer.", "quick_gelu", "transformers", True, "text_encoders.clip_l.transformer."),
        "text_encoder_2": clip("text_encoders.clip_g.transformer.", "gelu", "transformers", True, "text_encoders.clip_g.transformer."),
        "text_encoder_3": t5("text_encoders.t5xxl.transformer."),
        "vae": sd3_vae(),
    }
    models = {
        "sd1": {"unet": unet(sd1_unet), "text_encoder": sd1_clip(), "vae": sd1_vae()},
        "sd1-inpaint": {"unet": unet(sd1_unet | dict(in_channels=9)), "text_encoder": sd1_clip(), "vae": sd1_vae()},
        "sd2": {
            "unet": unet(UNET | FIRST | dict(attention_head_dim=(1, 1), use_linear_projection=True, sample_size=96)),
            "text_encoder": clip("cond_stage_model.model.", "gelu", "open_clip", False),
            "vae": sd1_vae(),
        },
        "sdxl": {
            "unet": unet(
                UNET | LAST | dict(
                    attention_head_dim=(1, 1), use_linear_projection=True, cross_attention_dim=64, sample_size=128,
                    transformer_layers_per_block=(1, 2), addition_embed_type="text_time", addition_time_embed_dim=8,
                    projection_class_embeddings_input_dim=32 + 6 * 8,
                )
            ),
            "text_encoder": clip("conditioner.embedders.0.transformer.", "quick_gelu", "transformers", False),
            "text_encoder_2": clip("conditioner.embedders.1.model.", "gelu", "open_clip", True),
            "vae": vae(VAE | dict(scaling_factor=0.13025, force_upcast=True)),
        },
        "sd3": {"transformer": transformer(2, (), False), **sd3_parts()},
        "sd35-medium": {"transformer": transformer(3, (0, 1), True), **sd3_parts()},
    }
    text = json.dumps(models, separators=(",", ":"), default=list)
    OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(OUT, OUT.stat().st_size, {k: {p: len(v["tensors"]) for p, v in m.items()} for k, m in models.items()})


if __name__ == "__main__":
    main()
