"""Makes fixtures/gguf: python make_gguf.py

Random weights in every type of GGUF file that Darkroom reads, and what the same weights give once gguf's own package has
decoded them: products of matrices by numpy, text encoders by transformers, transformers by diffusers. The transformers
have the names and the fused matrices of their authors' files, as city96's conversion writes them; diffusers' own
conversion of single files turns them back. The text encoders have llama.cpp's names.
"""

import base64
import gzip
import inspect
import json
import sys

import gguf
import numpy as np
import torch
from diffusers import Flux2Transformer2DModel, FluxTransformer2DModel, ZImageTransformer2DModel
from diffusers.loaders import single_file_utils
from gguf import GGMLQuantizationType as Type
from make_models import MODELS
from transformers import Qwen3Config, Qwen3Model, T5Config, T5EncoderModel

FOLDER = MODELS.parent / "gguf"
BLOCKS = [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q4_K, Type.Q5_K, Type.Q6_K]
#: Places of the float16 numbers of a block, for types that the package decodes only.
HALVES = {Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}


def random_blocks(kind: Type, rows: int, columns: int, rng) -> np.ndarray:
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * columns // elements, size), dtype=np.uint8)
    for place in HALVES[kind]:
        scales = rng.uniform(2e-4, 6e-4, len(blocks)).astype(np.float16)
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def stored(values: np.ndarray, kind: Type, rng) -> np.ndarray:
    if kind in HALVES:
        return random_blocks(kind, *values.shape, rng)
    return gguf.quants.quantize(values, kind)


class File:
    """A GGUF file, and what its tensors are once they are decoded."""

    def __init__(self, name: str, architecture: str):
        self.writer = gguf.GGUFWriter(FOLDER / name, architecture)
        self.decoded: dict[str, torch.Tensor] = {}

    def add(self, name: str, values: torch.Tensor | np.ndarray, kind: Type, rng) -> None:
        data = stored(np.asarray(values, dtype=np.float32), kind, rng)
        self.writer.add_tensor(name, data, raw_dtype=kind)
        self.decoded[name] = torch.from_numpy(gguf.quants.dequantize(data, kind).astype(np.float32).copy())

    def close(self) -> None:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def kinds_for(shape, turn: int, allowed) -> Type:
    """Matrices take turns among the types that fit their rows; vectors stay as they are."""
    if len(shape) != 2:
        return Type.F32
    fitting = [kind for kind in allowed if shape[1] % gguf.GGML_QUANT_SIZES[kind][0] == 0]
    return fitting[turn % len(fitting)] if fitting else Type.F16


def write_all(file: File, tensors: dict[str, torch.Tensor], allowed, rng) -> None:
    for turn, (name, values) in enumerate(tensors.items()):
        file.add(name, values.detach().float().numpy(), kinds_for(values.shape, turn, allowed), rng)
    file.close()


def packed(values: torch.Tensor | np.ndarray) -> dict:
    array = np.ascontiguousarray(np.asarray(values, dtype=np.float32))
    return {"dims": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def make_products(rng) -> dict:
    """Three rows times [6, 512] of each type; the halves of the result's channels swapped stand beside it."""
    file = File("blocks.gguf", "flux")
    x = rng.standard_normal((3, 512)).astype(np.float32)
    products = {}
    for kind in [*BLOCKS, Type.F16, Type.BF16, Type.F32]:
        name = kind.name
        file.add(f"{name}.weight", rng.standard_normal((6, 512)).astype(np.float32), kind, rng)
        weight = file.decoded[f"{name}.weight"].double().numpy()
        products[name] = {"product": packed(x @ weight.T), "rows": packed(weight[[5, 0]][:, :40])}
    file.writer.add_array("tokenizer.ggml.tokens", [f"word {i}" for i in range(20)])
    file.writer.add_float32("test.number", 0.5)
    file.close()
    return {"x": packed(x), "types": products}


def scaled_model(model: torch.nn.Module, rng) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 30)))
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 1 and "norm" in name:
                value.copy_(1 + 0.1 * noise)
            else:
                value.copy_(noise * (0.7 / value.shape[-1] ** 0.5 if value.dim() > 1 else 0.05))
    return model.eval()


def make_t5(rng) -> dict:
    config = T5Config(
        vocab_size=80, d_model=32, d_kv=32, d_ff=256, num_layers=2, num_heads=8, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )  # fmt: skip
    model = scaled_model(T5EncoderModel(config), rng)
    names = {}
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5ENCODER, config.num_layers)
    for name, value in model.state_dict().items():
        if name == "encoder.embed_tokens.weight":
            continue
        names[table.get_name(name, try_suffixes=(".weight",))] = (name, value)
    file = File("t5.gguf", "t5encoder")
    write_all(file, {name: value for name, (_, value) in names.items()}, BLOCKS, rng)
    model.load_state_dict({own: file.decoded[name] for name, (own, _) in names.items()}, strict=False)
    ids = torch.tensor([[5, 17, 79, 3, 1, 0, 0]])
    with torch.no_grad():
        return {"ids": ids[0].tolist(), "states": packed(model(ids).last_hidden_state)}


def make_qwen(rng) -> dict:
    config = Qwen3Config(
        vocab_size=90, hidden_size=32, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rope_theta=1e6, rms_norm_eps=1e-6, tie_word_embeddings=True,
    )  # fmt: skip
    model = scaled_model(Qwen3Model(config), rng)
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config.num_hidden_layers)
    names = {
        table.get_name(f"model.{name}", try_suffixes=(".weight",)): (name, value)
        for name, value in model.state_dict().items()
    }
    file = File("qwen.gguf", "qwen3")
    write_all(file, {name: value for name, (_, value) in names.items()}, BLOCKS, rng)
    model.load_state_dict({own: file.decoded[name] for name, (own, _) in names.items()})
    ids = torch.tensor([[5, 17, 89, 3, 1]])
    with torch.no_grad():
        states = model(ids, output_hidden_states=True).hidden_states[2]
    return {"ids": ids[0].tolist(), "layer": 2, "states": packed(states)}


def convert_flux(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """diffusers' conversion, which knows the width of the published models alone, for this width."""
    source = inspect.getsource(single_file_utils.convert_flux_transformer_checkpoint_to_diffusers)
    names = dict(vars(single_file_utils))
    assert source.count("inner_dim = 3072") == 1
    exec(source.replace("inner_dim = 3072", "inner_dim = 32"), names)  # noqa: S102
    return names["convert_flux_transformer_checkpoint_to_diffusers"](tensors)


def flux_original(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The other way round than diffusers' conversion, which is asked whether it is right."""
    outer = {
        "x_embedder": "img_in", "context_embedder": "txt_in", "proj_out": "final_layer.linear",
        "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
        "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
    }  # fmt: skip
    found = {}
    for name, value in state.items():
        module, last = name.rsplit(".", 1)
        if module in outer:
            found[f"{outer[module]}.{last}"] = value
        elif module == "norm_out.linear":
            found[f"final_layer.adaLN_modulation.1.{last}"] = torch.cat(value.chunk(2)[::-1])
        elif module.startswith("transformer_blocks."):
            _, number, inner = module.split(".", 2)
            plain = {
                "norm1.linear": "img_mod.lin", "norm1_context.linear": "txt_mod.lin", "attn.to_out.0": "img_attn.proj",
                "attn.to_add_out": "txt_attn.proj", "ff.net.0.proj": "img_mlp.0", "ff.net.2": "img_mlp.2",
                "ff_context.net.0.proj": "txt_mlp.0", "ff_context.net.2": "txt_mlp.2",
            }  # fmt: skip
            norms = {"q": "query_norm", "k": "key_norm"}
            block = f"double_blocks.{number}"
            if inner in plain:
                found[f"{block}.{plain[inner]}.{last}"] = value
            elif inner.startswith("attn.norm_added_"):
                found[f"{block}.txt_attn.norm.{norms[inner[-1]]}.scale"] = value
            elif inner.startswith("attn.norm_"):
                found[f"{block}.img_attn.norm.{norms[inner[-1]]}.scale"] = value
            elif inner in ("attn.to_q", "attn.add_q_proj"):
                side = "img" if inner == "attn.to_q" else "txt"
                three = [state[f"transformer_blocks.{number}.{inner.replace('_q', '_' + c)}.{last}"] for c in "qkv"]
                found[f"{block}.{side}_attn.qkv.{last}"] = torch.cat(three)
        else:
            _, number, inner = module.split(".", 2)
            block = f"single_blocks.{number}"
            if inner == "norm.linear":
                found[f"{block}.modulation.lin.{last}"] = value
            elif inner == "proj_out":
                found[f"{block}.linear2.{last}"] = value
            elif inner in ("attn.norm_q", "attn.norm_k"):
                found[f"{block}.norm.{ {'q': 'query_norm', 'k': 'key_norm'}[inner[-1]] }.scale"] = value
            elif inner == "attn.to_q":
                parts = ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"]
                found[f"{block}.linear1.{last}"] = torch.cat(
                    [state[f"single_transformer_blocks.{number}.{part}.{last}"] for part in parts]
                )
    back = convert_flux(dict(found))
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)
    return found


def make_flux(rng) -> dict:
    config = {
        "in_channels": 64, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 32, "num_attention_heads": 1,
        "joint_attention_dim": 32, "pooled_projection_dim": 768, "guidance_embeds": True, "axes_dims_rope": [4, 14, 14],
    }  # fmt: skip
    model = scaled_model(FluxTransformer2DModel(**config), rng)
    file = File("flux.gguf", "flux")
    write_all(file, flux_original(model.state_dict()), BLOCKS, rng)
    model.load_state_dict(convert_flux(dict(file.decoded)))
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(1, 16, 4, 6, generator=generator)
    words, pooled = torch.randn(1, 5, 32, generator=generator), torch.randn(1, 768, generator=generator)
    packed_latents = latents.reshape(1, 16, 2, 2, 3, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 6, 64)
    ids = torch.zeros(6, 3)
    ids[:, 1], ids[:, 2] = torch.arange(6) // 3, torch.arange(6) % 3
    with torch.no_grad():
        out = model(
            packed_latents, encoder_hidden_states=words, pooled_projections=pooled, timestep=torch.tensor([0.7]),
            guidance=torch.tensor([3.5]), img_ids=ids, txt_ids=torch.zeros(5, 3),
        ).sample  # fmt: skip
    out = out.reshape(1, 2, 3, 16, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(1, 16, 4, 6)
    return {
        "latents": packed(latents), "words": packed(words), "pooled": packed(pooled), "timestep": 700, "guidance": 3.5,
        "out": packed(out),
    }  # fmt: skip


def make_z_image(rng) -> dict:
    config = {
        "dim": 32, "n_layers": 1, "n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2, "cap_feat_dim": 32,
        "axes_dims": [4, 6, 6], "axes_lens": [1536, 512, 512],
    }  # fmt: skip
    model = scaled_model(ZImageTransformer2DModel(**config), rng)
    # Nothing can make this part smaller; zeros can at least be packed.
    with torch.no_grad():
        model.t_embedder.mlp[0].weight[32:] = 0
        model.t_embedder.mlp[2].weight[:, 32:] = 0
    state = model.state_dict()
    original = {}
    for name, value in state.items():
        if ".attention.to_q." in name:
            three = [state[name.replace("to_q", f"to_{letter}")] for letter in "qkv"]
            original[name.replace("to_q", "qkv")] = torch.cat(three)
        elif ".attention.to_k." not in name and ".attention.to_v." not in name:
            short = name.replace("all_x_embedder.2-1", "x_embedder").replace("all_final_layer.2-1", "final_layer")
            short = short.replace("attention.to_out.0", "attention.out")
            original[short.replace("norm_q", "q_norm").replace("norm_k", "k_norm")] = value
    original["norm_final.weight"] = torch.ones(32)
    file = File("z-image.gguf", "lumina2")
    write_all(file, original, [kind for kind in BLOCKS if kind not in HALVES], rng)
    path = FOLDER / "z-image.gguf"
    path.with_suffix(".gguf.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
    model.load_state_dict(single_file_utils.convert_z_image_transformer_checkpoint_to_diffusers(dict(file.decoded)))
    generator = torch.Generator().manual_seed(4)
    latents, words = torch.randn(1, 16, 4, 6, generator=generator), torch.randn(5, 32, generator=generator)
    with torch.no_grad():
        (out,) = model([latents[0][:, None]], torch.tensor([0.3]), [words], return_dict=False)[0]
    return {"latents": packed(latents), "words": packed(words[None]), "timestep": 700, "out": packed(-out[None, :, 0])}


def make_klein(rng) -> dict:
    from make_flow_checkpoints import flux, lay_out  # it takes convert_flux from here

    config = {
        "in_channels": 32, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 32, "num_attention_heads": 1,
        "joint_attention_dim": 96, "timestep_guidance_channels": 32, "mlp_ratio": 2, "axes_dims_rope": [8, 8, 8, 8],
        "rope_theta": 2000, "guidance_embeds": False,
    }  # fmt: skip
    model = scaled_model(Flux2Transformer2DModel(**config), rng)
    file = File("klein.gguf", "flux")
    write_all(file, lay_out(model, flux, "")[1], BLOCKS, rng)
    model.load_state_dict(single_file_utils.convert_flux2_transformer_checkpoint_to_diffusers(dict(file.decoded)))
    generator = torch.Generator().manual_seed(5)
    latents, words = torch.randn(1, 32, 2, 3, generator=generator), torch.randn(1, 5, 96, generator=generator)
    picture = torch.tensor([[0, i // 3, i % 3, 0] for i in range(6)])[None]
    text = torch.tensor([[0, 0, 0, i] for i in range(5)])[None]
    with torch.no_grad():
        out = model(
            latents.flatten(2).transpose(1, 2), encoder_hidden_states=words, timestep=torch.tensor([0.7]), img_ids=picture, txt_ids=text
        ).sample
    return {
        "latents": packed(latents), "words": packed(words), "timestep": 700, "out": packed(out.transpose(1, 2).reshape(latents.shape)),
    }  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(20)
    goldens = {
        "products": make_products(rng), "t5": make_t5(rng), "qwen": make_qwen(rng), "flux": make_flux(rng),
        "zImage": make_z_image(rng), "klein": make_klein(rng),
    }  # fmt: skip
    (FOLDER / "goldens.json").write_text(json.dumps(goldens) + "\n")


if __name__ == "__main__":
    sys.exit(main())
