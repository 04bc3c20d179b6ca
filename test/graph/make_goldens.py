"""What diffusers and transformers compute for components with every option the graph builders know, for
components.golden.json. Weights and inputs follow a formula of their name, so only shapes and outputs are kept.

    python make_goldens.py      (requirements: ../golden/requirements.txt)
"""

import base64
import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

GOLDEN = Path(__file__).parent / "components.golden.json"


def uniform(name: str, count: int) -> np.ndarray:
    """Numbers in -1..1 from a hash of name and place; forge.ts has the same."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(zlib.crc32(name.encode()))
    for shift, factor in ((15, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2**31 - 1


def weight(name: str, shape: list[int]) -> torch.Tensor:
    values = uniform(name, math.prod(shape)).reshape(shape)
    if len(shape) == 1:
        values = values * 0.1 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
    elif "embedding.weight" not in name and not name.endswith("pos_embed"):
        values = values * math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32))


def fill(model: torch.nn.Module, tied: tuple[str, ...] = ()) -> dict[str, list[int]]:
    """`tied`: second names of weights that have another one."""
    state = {name: value for name, value in model.state_dict().items() if name not in tied}
    shapes = {name: list(value.shape) for name, value in state.items() if value.is_floating_point()}
    model.load_state_dict({name: weight(name, shape) for name, shape in shapes.items()}, strict=False)
    model.eval()
    return shapes


def field(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(uniform(name, math.prod(shape)).reshape(shape).astype(np.float32))


def packed(tensor: torch.Tensor) -> dict:
    data = base64.b64encode(tensor.contiguous().float().numpy().tobytes()).decode()
    return {"dims": list(tensor.shape), "data": data}


def residuals_of(net, index: int, sample, times, context, told: dict, pools: bool):
    """A ControlNet's residuals, each picture's and each residual's own factor on them; and its picture and factors."""
    picture = field(f"controlnet_conds.{index}", 2, 3, sample.shape[2] * 4, sample.shape[3] * 4).abs()
    with torch.no_grad():
        down, mid = net(sample[:, : net.config.in_channels], times, context, picture, return_dict=False, **told)
    scales = field(f"conditioning_scales.{index}", 2, len(down) + 1)
    parts = [part.mean((2, 3), keepdim=True) if pools else part for part in [*down, mid]]
    scaled = [part * scales[:, i, None, None, None] for i, part in enumerate(parts)]
    inputs = {f"controlnet_conds.{index}": list(picture.shape), f"conditioning_scales.{index}": list(scales.shape)}
    return scaled, inputs


def unet_case(name: str, size: tuple[int, int], timesteps: list[float], nets: list[dict] = (), **options) -> dict:
    config = {
        "block_out_channels": [8, 16], "layers_per_block": 1, "cross_attention_dim": 12, "attention_head_dim": 2, "norm_num_groups": 4,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    } | options  # fmt: skip
    model = UNet2DConditionModel(**config)
    tensors = fill(model)
    channels = config.get("in_channels", 4)
    sample = field("sample", 2, channels, *size)
    context = field("context", 2, 5, config["cross_attention_dim"])
    times = torch.tensor(timesteps)
    inputs = {"sample": list(sample.shape), "encoder_hidden_states": list(context.shape)}
    told = {}
    if config.get("addition_embed_type"):
        text_dim = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        added = {"text_embeds": field("text_embeds", 2, text_dim), "time_ids": field("time_ids", 2, 6)}
        told["added_cond_kwargs"] = added
        inputs |= {key: list(value.shape) for key, value in added.items()}
    summed, parts = None, []
    for index, net_options in enumerate(nets):
        shared = {k: v for k, v in config.items() if k not in ("up_block_types", "time_cond_proj_dim", "in_channels")}
        net_config = {**shared, "conditioning_embedding_out_channels": [4, 4, 8], **net_options}
        net = ControlNetModel(**net_config)
        parts.append({"config": net_config, "tensors": fill(net)})
        pools = net_config.get("global_pool_conditions", False)
        # diffusers pools in guess mode alone, where it scales as well; here both are written out.
        net.config["global_pool_conditions"] = False
        scaled, more = residuals_of(net, index, sample, times, context, told, pools)
        inputs |= more
        summed = scaled if summed is None else [a + b for a, b in zip(summed, scaled)]
    if summed:
        told |= {"down_block_additional_residuals": summed[:-1], "mid_block_additional_residual": summed[-1]}
    if config.get("time_cond_proj_dim"):
        told["timestep_cond"] = field("timestep_cond", 2, config["time_cond_proj_dim"])
        inputs["timestep_cond"] = list(told["timestep_cond"].shape)
    with torch.no_grad():
        out = model(sample, times, context, **told).sample
    return {
        "name": name, "kind": "unet", "config": config, "tensors": tensors, "nets": parts, "inputs": inputs,
        "timesteps": timesteps, "outputs": {"out_sample": packed(out)},
    }  # fmt: skip


def vae_case(name: str, picture: tuple[int, int], latent: tuple[int, int], **options) -> dict:
    config = {
        "block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 2, "latent_channels": 4,
        "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2,
    } | options  # fmt: skip
    model = AutoencoderKL(**config)
    tensors = fill(model)
    sample = field("sample", 2, 3, *picture)
    latents = field("latent_sample", 2, config["latent_channels"], *latent)
    with torch.no_grad():
        moments = model.encode(sample).latent_dist.parameters
        out = model.decode(latents).sample
    inputs = {"sample": list(sample.shape), "latent_sample": list(latents.shape)}
    return {
        "name": name, "kind": "vae", "config": config, "tensors": tensors, "inputs": inputs,
        "outputs": {"latent_parameters": packed(moments), "sample": packed(out)},
    }  # fmt: skip


def clip_case(name: str, projection: bool, ids: list[list[int]], **options) -> dict:
    config = {
        "vocab_size": 40, "hidden_size": 12, "intermediate_size": 20, "projection_dim": 6, "num_hidden_layers": 3,
        "num_attention_heads": 3, "max_position_embeddings": 9, "hidden_act": "quick_gelu", "eos_token_id": 2,
    } | options  # fmt: skip
    kind = CLIPTextModelWithProjection if projection else CLIPTextModel
    model = kind(CLIPTextConfig(**config))
    tensors = fill(model)
    with torch.no_grad():
        out = model(torch.tensor(ids), output_hidden_states=True)
    text = model.text_model if projection else model
    outputs = {f"hidden_states.{i}": packed(state) for i, state in enumerate(out.hidden_states)}
    outputs["last_hidden_state"] = packed(out.last_hidden_state)
    with torch.no_grad():
        outputs["normed_hidden_states.2"] = packed(text.final_layer_norm(out.hidden_states[2]))
    outputs["text_embeds" if projection else "pooler_output"] = packed(out.text_embeds if projection else out.pooler_output)
    return {
        "name": name, "kind": "clip", "config": {**config, "architectures": [kind.__name__]}, "tensors": tensors, "ids": ids, "outputs": outputs,
    }  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    three = {
        "block_out_channels": [8, 8, 16],
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    }
    sdxl = {
        "block_out_channels": [8, 8, 16], "attention_head_dim": [1, 2, 4], "transformer_layers_per_block": [1, 2, 3],
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 6,
        "projection_class_embeddings_input_dim": 46,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    }  # fmt: skip
    text = [[38, 5, 7, 7, 39, 39, 39, 39, 39], [38, 1, 2, 3, 4, 5, 6, 8, 39]]
    cases = [
        unet_case("unet as in SD 1.5", (8, 6), [999.0, 1.0], layers_per_block=2),
        unet_case("unet as in SD 2", (8, 8), [37.25], attention_head_dim=[1, 2, 4], use_linear_projection=True, upcast_attention=True, **three),
        unet_case("unet with sizes that halving does not divide", (7, 10), [500.0], **three),
        unet_case("unet of one call for two times", (4, 4), [954.166, 20.5], flip_sin_to_cos=False, freq_shift=1, time_embedding_dim=24),
        unet_case(
            "unet with every other option", (6, 6), [250.0], in_channels=9, out_channels=3, center_input_sample=True, act_fn="swish",
            only_cross_attention=[True, False, True], layers_per_block=[1, 2, 1], transformer_layers_per_block=[2, 1, 1],
            downsample_padding=0, mid_block_scale_factor=1.5, conv_in_kernel=1, conv_out_kernel=5, norm_eps=1e-3, **three,
        ),
        unet_case("unet as in SDXL", (8, 6), [801.0, 1.0], **sdxl),
        unet_case("unet of a distilled model", (4, 6), [499.0], time_cond_proj_dim=10),
        unet_case("unet with two ControlNets", (8, 6), [601.0], nets=[{}, {"controlnet_conditioning_channel_order": "bgr"}]),
        unet_case("unet with a ControlNet without attention in its middle", (4, 6), [31.0], nets=[{"mid_block_type": "UNetMidBlock2D"}]),
        unet_case("inpainting unet with a ControlNet", (4, 4), [21.0], nets=[{}], in_channels=9),
        unet_case("unet with a ControlNet that pools", (4, 6), [7.0], nets=[{"global_pool_conditions": True}]),
        unet_case("unet as in SDXL with a ControlNet", (6, 7), [301.0], nets=[{}], **sdxl),
        unet_case("unet without a middle, as tiny-sd", (4, 6), [401.0], mid_block_type=None, **{**three, "down_block_types": ["CrossAttnDownBlock2D"] * 3, "up_block_types": ["CrossAttnUpBlock2D"] * 3}),
        unet_case("unet without a middle, with a ControlNet", (4, 4), [77.0], nets=[{"mid_block_type": "UNetMidBlock2D"}], mid_block_type=None),
        unet_case(
            "unet with transformer layers for each layer, as SSD-1B", (4, 6), [611.0], **{**sdxl, "layers_per_block": 2, "mid_block_type": "UNetMidBlock2D",
            "transformer_layers_per_block": [1, [2, 1], [1, 2]], "reverse_transformer_layers_per_block": [[1, 2, 1], [2, 1, 1], 1]},
        ),
        unet_case(
            "unet with more transformer layers on its way up, and a middle", (4, 4), [5.0], **{**sdxl, "transformer_layers_per_block": [0, 1, [2, 9]],
            "reverse_transformer_layers_per_block": [[1, 3], 2, 0]},
        ),
        unet_case("unet with null for false", (4, 4), [88.0], flip_sin_to_cos=None, use_linear_projection=None, center_input_sample=None, time_embedding_dim=None, dual_cross_attention=None),
        vae_case("vae as in SD 1.5", (10, 8), (5, 3)),
        vae_case("vae with odd sides", (9, 7), (1, 2)),
        vae_case("vae with null for false", (4, 4), (2, 2), use_quant_conv=None, use_post_quant_conv=None, mid_block_add_attention=None),
        vae_case("vae of later families", (8, 8), (4, 4), latent_channels=16, use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False, layers_per_block=2),
        clip_case("clip with quick_gelu", False, text),
        clip_case("clip with gelu and a known end", False, [row[:7] for row in text], hidden_act="gelu", eos_token_id=5),
        clip_case("clip with projection", True, text, hidden_act="gelu", layer_norm_eps=1e-3),
    ]  # fmt: skip
    GOLDEN.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
