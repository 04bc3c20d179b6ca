"""Makes LoRA files for the tiny flow models, in each program's names, and fixtures/flow-loras.json: what diffusers draws with them.

    python make_flow_loras.py

FLUX.1: kohya-ss/sd-scripts (the authors' layers, `lora_unet_`, CLIP as `lora_te1_`, T5 as `lora_te3_`), ai-toolkit
(`transformer.`), diffusers (`save_lora_weights`, alpha in the header), XLabs. FLUX.2 klein: sd-scripts, ai-toolkit
(`diffusion_model.` with the authors' layers), diffusers. Z-Image: sd-scripts, ai-toolkit. diffusers loads each through PEFT;
it leaves a LoRA of the T5 out, which PEFT loads here without it. Float32 on CPU.
"""

import inspect
import json

import diffusers as d
import make_pipelines
import numpy as np
import torch
from diffusers.loaders import lora_conversion_utils, lora_pipeline
from make_loras import LORAS, factors, in_text, kohya, modules, peft
from make_pictures import FIXTURES
from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

REQUEST = {"prompt": "a red mug on a table", "prompt_syntax": "plain", "width": 64, "height": 48, "num_inference_steps": 3,
           "seed": 3, "sampler": "flow_euler", "schedule": "normal"}  # fmt: skip
MODEL = {"flux": "tiny-flux-dev", "klein": "tiny-klein", "z-image": "tiny-z-image"}
RANK, WEIGHT = 2, 0.8

#: Modules of the authors' networks by diffusers' modules, of whose rows each is a part.
FLUX = {
    "transformer_blocks.{}.": {
        "img_attn.qkv": ["attn.to_q", "attn.to_k", "attn.to_v"], "txt_attn.qkv": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
        "img_attn.proj": ["attn.to_out.0"], "txt_attn.proj": ["attn.to_add_out"], "img_mod.lin": ["norm1.linear"],
        "txt_mod.lin": ["norm1_context.linear"], "img_mlp.0": ["ff.net.0.proj"], "img_mlp.2": ["ff.net.2"],
        "txt_mlp.0": ["ff_context.net.0.proj"], "txt_mlp.2": ["ff_context.net.2"],
    },
    "single_transformer_blocks.{}.": {
        "linear1": ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"], "linear2": ["proj_out"], "modulation.lin": ["norm.linear"],
    },
    "": {
        "img_in": ["x_embedder"], "txt_in": ["context_embedder"], "time_in.in_layer": ["time_text_embed.timestep_embedder.linear_1"],
        "vector_in.out_layer": ["time_text_embed.text_embedder.linear_2"],
        "guidance_in.in_layer": ["time_text_embed.guidance_embedder.linear_1"],
    },
}  # fmt: skip
KLEIN = {
    "transformer_blocks.{}.": {
        "img_attn.qkv": ["attn.to_q", "attn.to_k", "attn.to_v"], "txt_attn.qkv": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
        "img_attn.proj": ["attn.to_out.0"], "txt_attn.proj": ["attn.to_add_out"], "img_mlp.0": ["ff.linear_in"],
        "img_mlp.2": ["ff.linear_out"], "txt_mlp.0": ["ff_context.linear_in"], "txt_mlp.2": ["ff_context.linear_out"],
    },
    "single_transformer_blocks.{}.": {"linear1": ["attn.to_qkv_mlp_proj"], "linear2": ["attn.to_out"]},
    "": {
        "img_in": ["x_embedder"], "txt_in": ["context_embedder"], "final_layer.linear": ["proj_out"],
        "time_in.in_layer": ["time_guidance_embed.timestep_embedder.linear_1"],
    },
}  # fmt: skip
#: What diffusers' conversion of ai-toolkit's files knows beside them.
SHARED = {
    "single_stream_modulation.lin": ["single_stream_modulation.linear"],
    "double_stream_modulation_img.lin": ["double_stream_modulation_img.linear"],
}
ORIGINAL_BLOCKS = {"transformer_blocks.{}.": "double_blocks.{}.", "single_transformer_blocks.{}.": "single_blocks.{}.", "": ""}


class Stacked:
    """The weight of several linear layers as the authors' one."""

    def __init__(self, parts: list[torch.nn.Module]):
        self.weight = torch.cat([part.weight for part in parts])


def original(transformer: torch.nn.Module, table: dict) -> dict[str, Stacked]:
    found = {}
    for block, layers in table.items():
        group = getattr(transformer, block.split(".")[0], [None]) if block else [None]
        for i in range(len(group)):
            for name, parts in layers.items():
                own = [transformer.get_submodule(block.format(i) + part) for part in parts]
                found[ORIGINAL_BLOCKS[block].format(i) + name] = Stacked(own)
    return found


def flux_kohya(pipe, generator):
    ranks = {"linear": RANK}
    text = lambda name: name if name.startswith("text_model") else f"text_model.{name}"
    t5 = modules(pipe.text_encoder_2, lambda name: name.endswith((".q", ".v", ".wi_0", ".wo")))
    return (
        kohya("lora_unet_", original(pipe.transformer, FLUX), ranks, generator)
        | kohya("lora_te1_", modules(pipe.text_encoder, in_text), ranks, generator, rename=text)
        | kohya("lora_te3_", t5, ranks, generator)
    )


def flux_aitoolkit(pipe, generator):
    return peft("transformer", modules(pipe.transformer, lambda name: "transformer_blocks" in name), RANK, generator)


def flux_diffusers(pipe, generator):
    targets = ["to_q", "to_v", "add_k_proj", "proj_mlp", "norm_out.linear"]
    return saved_by_diffusers(pipe, targets, generator, text_encoder=["q_proj", "fc1"])


def flux_xlabs(pipe, generator):
    """The attention of every block, that of the picture numbered 1 and of the text 2, without alpha."""
    tensors = {}
    for name, layer in original(pipe.transformer, FLUX).items():
        block, _, module = name.partition(".")
        double = {"img_attn.qkv": "qkv_lora1", "txt_attn.qkv": "qkv_lora2", "img_attn.proj": "proj_lora1", "txt_attn.proj": "proj_lora2"}
        single = {"linear1": "qkv_lora", "linear2": "proj_lora"}
        number, _, inner = module.partition(".")
        lora = {"double_blocks": double, "single_blocks": single}.get(block, {}).get(inner)
        if lora is None:
            continue
        down, up = factors(layer, RANK, generator)
        if lora == "qkv_lora":
            up = up[: 3 * pipe.transformer.inner_dim]
        tensors |= {f"{block}.{number}.processor.{lora}.down.weight": down, f"{block}.{number}.processor.{lora}.up.weight": up}
    return tensors


def klein_kohya(pipe, generator):
    return kohya("lora_unet_", original(pipe.transformer, KLEIN), {"linear": RANK}, generator)


def klein_aitoolkit(pipe, generator):
    table = {**KLEIN, "": {**KLEIN[""], **SHARED}}
    return peft("diffusion_model", original(pipe.transformer, table), RANK, generator)


def klein_diffusers(pipe, generator):
    return saved_by_diffusers(pipe, ["to_q", "to_qkv_mlp_proj", "to_add_out", "linear_in", "single_stream_modulation.linear"], generator)


def z_image_kohya(pipe, generator):
    found = modules(pipe.transformer, lambda name: name.startswith(("layers", "noise_refiner", "context_refiner")))
    return kohya("lora_unet_", found, {"linear": RANK}, generator)


def z_image_aitoolkit(pipe, generator):
    return peft("diffusion_model", modules(pipe.transformer, lambda name: "attention." in name or "feed_forward" in name), RANK, generator)


def saved_by_diffusers(pipe, targets: list[str], generator: torch.Generator, **text: list[str]) -> dict:
    """Written by diffusers itself, which puts alpha into the header."""
    path = LORAS / "saved"
    options = {}
    for part, wanted in {"transformer": targets, **text}.items():
        config = LoraConfig(r=RANK, lora_alpha=3, target_modules=wanted)
        network = inject_adapter_in_model(config, getattr(pipe, part))
        layers = {name: value for name, value in network.state_dict().items() if ".lora_" in name}
        with torch.no_grad():
            for value in layers.values():
                value.copy_(torch.randn(value.shape, generator=generator) * 0.4)
        options[f"{part}_lora_layers"] = {name.replace(".default", ""): value.half().contiguous() for name, value in layers.items()}
        options[f"{part}_lora_adapter_metadata"] = config.to_dict() | {"target_modules": sorted(wanted)}
    type(pipe).save_lora_weights(path, **options)
    (path / "pytorch_lora_weights.safetensors").rename(LORAS / "saved.safetensors")
    path.rmdir()
    return {}


FILES = {"flux-kohya": flux_kohya, "flux-aitoolkit": flux_aitoolkit, "flux-diffusers": flux_diffusers, "klein-kohya": klein_kohya,
         "klein-aitoolkit": klein_aitoolkit, "klein-diffusers": klein_diffusers, "z-image-kohya": z_image_kohya,
         "z-image-aitoolkit": z_image_aitoolkit, "flux-xlabs": flux_xlabs}  # fmt: skip


def at_this_width() -> None:
    """
    diffusers' conversion of sd-scripts' FLUX.1 files knows the width of the published models alone, and names the layers
    around the blocks without the part that they are of, so that they would be left out.
    """
    source = inspect.getsource(lora_conversion_utils._convert_kohya_flux_lora_to_diffusers)
    names, dims = dict(vars(lora_conversion_utils)), "dims=[3072, 3072, 3072, 12288]"
    assert source.count(dims) == 1
    exec(source.replace(dims, "dims=[32, 32, 32, 128]"), names)  # noqa: S102
    convert = names["_convert_kohya_flux_lora_to_diffusers"]

    def whole(tensors: dict) -> dict:
        parts = ("transformer.", "text_encoder.")
        return {key if key.startswith(parts) else f"transformer.{key}": value for key, value in convert(tensors).items()}

    lora_pipeline._convert_kohya_flux_lora_to_diffusers = whole


def load(pipe, path) -> None:
    tensors = load_file(path)
    t5 = {name: value for name, value in tensors.items() if name.startswith("lora_te3_")}
    if t5:
        load_t5(pipe.text_encoder_2, t5)
        pipe.load_lora_weights({name: value for name, value in tensors.items() if name not in t5}, adapter_name="one")
    else:
        pipe.load_lora_weights(path, adapter_name="one")
    pipe.set_adapters(["one"], adapter_weights=[WEIGHT])


def load_t5(encoder: torch.nn.Module, tensors: dict) -> None:
    named = {name.replace(".", "_"): name for name, _ in encoder.named_modules()}
    places = {key: named[key.removeprefix("lora_te3_").split(".")[0]] for key in tensors}
    alpha = WEIGHT * next(float(value) for key, value in tensors.items() if key.endswith(".alpha"))
    inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=alpha, target_modules=sorted(set(places.values()))), encoder)
    halves = {".lora_down.weight": ".lora_A.weight", ".lora_up.weight": ".lora_B.weight"}
    state = {
        places[key] + half: value.float()
        for key, value in tensors.items()
        for ending, half in halves.items()
        if key.endswith(ending)
    }
    result = set_peft_model_state_dict(encoder, state)
    assert not result.unexpected_keys


def main() -> None:
    at_this_width()
    golden = []
    open_pipeline = make_pipelines.open_pipeline
    for i, (name, make) in enumerate(FILES.items()):
        request = {"model": f"models/{MODEL[name.rpartition('-')[0]]}", **REQUEST}
        generator = torch.Generator().manual_seed(300 + i)
        path = LORAS / f"{name}.safetensors"
        tensors = make(open_pipeline(request, torch.float32), generator)
        if tensors:
            save_file({key: value.to(torch.float16).contiguous() for key, value in tensors.items()}, path)
        else:
            (LORAS / "saved.safetensors").rename(path)

        def open_with_lora(request, dtype, path=path):
            pipe = open_pipeline(request, dtype)
            load(pipe, path)
            return pipe

        plain, _ = make_pipelines.run(request)
        make_pipelines.open_pipeline = open_with_lora
        latents, _ = make_pipelines.run(request)
        make_pipelines.open_pipeline = open_pipeline
        np.save(LORAS / f"{name}.npy", np.ascontiguousarray(latents.numpy()).astype(np.float32))
        golden.append({"name": name, "request": {**request, "loras": [{"file": name, "weight": WEIGHT}]}})
        print(name, f"{path.stat().st_size} bytes, changes {float((latents - plain).std() / plain.std()):.3f}")
    (FIXTURES / "flow-loras.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    d.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    main()
