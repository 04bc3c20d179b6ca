"""What diffusers and transformers compute for the parts of Stable Diffusion 3 with every option the graph builders
know, for sd3.golden.json; as make_goldens.py, whose formulas it uses.

    python make_sd3_goldens.py      (requirements: ../golden/requirements.txt)
"""

import json
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from make_goldens import field, fill, packed, vae_case
from transformers import T5Config, T5EncoderModel

GOLDEN = Path(__file__).parent / "sd3.golden.json"


def transformer_case(name: str, batch: int, tokens: int, size: tuple[int, int], timesteps: list[float], **options) -> dict:
    config = {
        "sample_size": 8, "patch_size": 2, "in_channels": 16, "out_channels": 16, "num_layers": 2, "attention_head_dim": 8,
        "num_attention_heads": 2, "joint_attention_dim": 12, "caption_projection_dim": 16, "pooled_projection_dim": 10, "pos_embed_max_size": 7,
    } | options  # fmt: skip
    model = SD3Transformer2DModel(**config)
    tensors = fill(model)
    latents = field("hidden_states", batch, config["in_channels"], *size)
    context = field("encoder_hidden_states", batch, tokens, config["joint_attention_dim"])
    pooled = field("pooled_projections", batch, config["pooled_projection_dim"])
    with torch.no_grad():
        out = model(latents, context, pooled, torch.tensor(timesteps)).sample
    inputs = {"hidden_states": latents, "encoder_hidden_states": context, "pooled_projections": pooled}
    return {
        "name": name, "kind": "transformer", "config": config, "tensors": tensors, "timesteps": timesteps,
        "inputs": {key: list(value.shape) for key, value in inputs.items()}, "outputs": {"out_hidden_states": packed(out)},
    }  # fmt: skip


def t5_case(name: str, ids: list[list[int]], embedding: str = "shared.weight", **options) -> dict:
    config = {
        "vocab_size": 40, "d_model": 12, "d_kv": 4, "d_ff": 20, "num_layers": 2, "num_heads": 3, "feed_forward_proj": "gated-gelu",
    } | options  # fmt: skip
    model = T5EncoderModel(T5Config(**config))
    tied = {"shared.weight", "encoder.embed_tokens.weight"} - {embedding}
    tensors = fill(model, tuple(tied))
    with torch.no_grad():
        out = model(torch.tensor(ids)).last_hidden_state
    return {
        "name": name, "kind": "t5", "config": {**config, "architectures": ["T5EncoderModel"]}, "tensors": tensors, "ids": ids,
        "outputs": {"last_hidden_state": packed(out)},
    }  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    medium = {"qk_norm": "rms_norm", "num_layers": 3, "dual_attention_layers": [0, 1]}
    wide = {"num_attention_heads": 3, "attention_head_dim": 4, "caption_projection_dim": 12}
    cases = [
        transformer_case("transformer as in SD3", 2, 5, (8, 8), [1000.0, 8.93]),
        transformer_case("transformer as in SD3.5 medium", 2, 3, (6, 14), [547.25], **medium),
        transformer_case("transformer as in SD3.5 large", 1, 4, (10, 4), [250.0], qk_norm="rms_norm"),
        transformer_case("transformer with a second attention in its last block", 1, 1, (14, 14), [999.0], qk_norm="rms_norm", dual_attention_layers=[1]),
        transformer_case("transformer with a second attention and no norms", 1, 2, (2, 2), [0.0], dual_attention_layers=[0]),
        transformer_case("transformer of larger patches", 2, 3, (12, 8), [333.3, 666.6], patch_size=4, in_channels=4, out_channels=6, num_layers=1, **wide),
        transformer_case("transformer with sides that patches do not divide", 1, 3, (7, 9), [500.0]),
        t5_case("T5 1.1", [[3, 17, 5, 1, 0, 0, 0], [39, 38, 37, 36, 35, 34, 1]]),
        t5_case("T5 1.0 with wide heads", [[7, 8, 9, 1]], "encoder.embed_tokens.weight", feed_forward_proj="relu", d_kv=6, layer_norm_epsilon=1e-3),
        t5_case("T5 beyond its farthest distance", [[i * 7 % 40 for i in range(300)]], num_layers=1),
        t5_case("T5 with other buckets", [[i * 11 % 40 for i in range(60)]], relative_attention_num_buckets=18, relative_attention_max_distance=50),
        vae_case("vae as in SD3", (12, 8), (3, 5), latent_channels=16, use_quant_conv=False, use_post_quant_conv=False, scaling_factor=1.5305, shift_factor=0.0609),
    ]  # fmt: skip
    GOLDEN.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
