"""Makes fixtures/loras and fixtures/loras.json: LoRA files for the tiny models, and the latents that diffusers draws with them.

    python make_loras.py

Each file holds random factors for the modules of a model, in the spelling that its case names. diffusers loads them
through PEFT (load_lora_weights, set_adapters). Float32 on CPU.
"""

import json

import diffusers as d
import numpy as np
import torch
from make_pictures import FIXTURES
from safetensors.torch import save_file

MODELS, LORAS = FIXTURES / "models", FIXTURES / "loras"
REQUEST = {
    "prompt": "a red mug on a table", "negative_prompt": "blue", "prompt_syntax": "plain", "width": 64, "height": 64,
    "num_inference_steps": 4, "guidance_scale": 4, "seed": 3,
}  # fmt: skip


def pipeline(model: str):
    folder = MODELS / model
    variant = {"variant": "fp16"} if any(folder.rglob("*.fp16.*")) else {}
    loaded = d.DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, **variant)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def modules(network: torch.nn.Module, wanted) -> dict[str, torch.nn.Module]:
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    return {name: module for name, module in network.named_modules() if isinstance(module, kinds) and wanted(name)}


def in_transformers(name: str) -> bool:
    return "attentions." in name


def in_text(name: str) -> bool:
    return "self_attn" in name or ".mlp." in name


def factors(module: torch.nn.Module, rank: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.4

    outputs, inputs, *kernel = module.weight.shape
    return random(rank, inputs, *kernel), random(outputs, rank, *[1 for _ in kernel])


def kohya(prefix: str, found: dict, ranks: dict, generator: torch.Generator, rename=lambda name: name) -> dict:
    """lora_unet_..., with alpha half of the rank."""
    tensors = {}
    for name, module in found.items():
        rank = ranks["conv"] if module.weight.dim() == 4 and module.weight.shape[-1] > 1 else ranks["linear"]
        down, up = factors(module, rank, generator)
        base = prefix + rename(name).replace(".", "_")
        tensors |= {f"{base}.lora_down.weight": down, f"{base}.lora_up.weight": up, f"{base}.alpha": torch.tensor(rank / 2)}
    return tensors


def peft(prefix: str, found: dict, rank: int, generator: torch.Generator, dora: bool = False) -> dict:
    tensors = {}
    for name, module in found.items():
        down, up = factors(module, rank, generator)
        tensors |= {f"{prefix}.{name}.lora_A.weight": down, f"{prefix}.{name}.lora_B.weight": up}
        if dora:
            norm = module.weight.detach().norm(dim=1)
            length = norm * (1 + 0.3 * torch.randn(norm.shape, generator=generator))
            tensors[f"{prefix}.{name}.lora_magnitude_vector"] = length
    return tensors


def old_diffusers(prefix: str, found: dict, rank: int, generator: torch.Generator) -> dict:
    tensors = {}
    for name, module in found.items():
        down, up = factors(module, rank, generator)
        if "attn" not in name:
            continue
        attention, projection = name.replace("to_out.0", "to_out").rsplit(".", 1)
        base = f"{prefix}.{attention}.processor.{projection}_lora"
        tensors |= {f"{base}.down.weight": down, f"{base}.up.weight": up}
    return tensors


def sgm(name: str, layers: int) -> str:
    """The names of SDXL's own UNet for modules within the transformers of a UNet with so many layers a block."""
    side, block, kind, layer, rest = name.split(".", 4) if not name.startswith("mid") else ("mid", "0", *name.split(".", 3)[1:])
    if side == "mid":
        return f"middle_block.1.{rest}"
    if side == "down_blocks":
        return f"input_blocks.{1 + int(block) * (layers + 1) + int(layer)}.1.{rest}"
    return f"output_blocks.{int(block) * (layers + 1) + int(layer)}.1.{rest}"


def sd15_kohya(pipe, generator):
    unet = kohya("lora_unet_", modules(pipe.unet, in_transformers), {"linear": 3}, generator)
    return unet | kohya("lora_te_", modules(pipe.text_encoder, in_text), {"linear": 2}, generator, rename=lambda name: name if name.startswith("text_model") else f"text_model.{name}")


def sd15_conv(pipe, generator):
    return kohya("lora_unet_", modules(pipe.unet, lambda name: "blocks" in name or "mid" in name), {"linear": 2, "conv": 4}, generator)


def sd15_dora(pipe, generator):
    """diffusers leaves kohya's dora_scale out, so this one is in PEFT's spelling."""
    return peft("unet", modules(pipe.unet, lambda name: "attn" in name), 4, generator, dora=True)


def sd15_old(pipe, generator):
    return old_diffusers("unet", modules(pipe.unet, in_transformers), 4, generator)


def sdxl_sgm(pipe, generator):
    layers = pipe.unet.config.layers_per_block
    text = lambda name: name if name.startswith("text_model") else f"text_model.{name}"
    unet = kohya("lora_unet_", modules(pipe.unet, in_transformers), {"linear": 4}, generator, rename=lambda name: sgm(name, layers))
    first = kohya("lora_te1_", modules(pipe.text_encoder, in_text), {"linear": 2}, generator, rename=text)
    return unet | first | kohya("lora_te2_", modules(pipe.text_encoder_2, in_text), {"linear": 2}, generator, rename=text)


def sd3_peft(pipe, generator):
    found = modules(pipe.transformer, lambda name: ".attn." in name or ".ff" in name)
    return peft("transformer", found, 4, generator) | peft("text_encoder", modules(pipe.text_encoder, in_text), 2, generator)


FILES = {"sd15-kohya": ("tiny-sd15", sd15_kohya), "sd15-conv": ("tiny-sd15", sd15_conv), "sd15-dora": ("tiny-sd15", sd15_dora),
         "sd15-old": ("tiny-sd15", sd15_old), "sdxl-sgm": ("tiny-sdxl", sdxl_sgm), "sd3-peft": ("tiny-sd3", sd3_peft)}  # fmt: skip
CASES = {
    "sd15-kohya": {"sd15-kohya": 0.8}, "sd15-conv": {"sd15-conv": 0.7}, "sd15-dora": {"sd15-dora": 1}, "sd15-old": {"sd15-old": 1.2},
    "sdxl-sgm": {"sdxl-sgm": 0.6}, "sd3-peft": {"sd3-peft": 0.9}, "sd15-two": {"sd15-kohya": 0.5, "sd15-conv": -0.4},
    "sd15-none": {},
}  # fmt: skip

if __name__ == "__main__":
    torch.set_num_threads(1)
    LORAS.mkdir(exist_ok=True)
    for i, (name, (model, make)) in enumerate(FILES.items()):
        generator = torch.Generator().manual_seed(100 + i)
        tensors = {key: value.to(torch.float32 if name == "sd15-dora" else torch.float16).contiguous() for key, value in make(pipeline(model), generator).items()}
        save_file(tensors, LORAS / f"{name}.safetensors", metadata={"ss_base_model_version": "tiny"})
    golden = []
    for name, weights in CASES.items():
        model = FILES[next(iter(weights), "sd15-kohya")][0]
        pipe = pipeline(model)
        for file in weights:
            pipe.load_lora_weights(LORAS / f"{file}.safetensors", adapter_name=file)
        if weights:
            pipe.set_adapters(list(weights), adapter_weights=list(weights.values()))
        arguments = {key: value for key, value in REQUEST.items() if key not in ("prompt_syntax", "seed")}
        latents = pipe(**arguments, generator=torch.Generator().manual_seed(REQUEST["seed"]), output_type="latent").images
        np.save(LORAS / f"{name}.npy", latents.detach().numpy().astype(np.float32))
        golden.append({"name": name, "request": {"model": f"models/{model}", **REQUEST, "loras": [{"file": file, "weight": weight} for file, weight in weights.items()]}})
    (FIXTURES / "loras.json").write_text(json.dumps(golden, indent=1) + "\n")
