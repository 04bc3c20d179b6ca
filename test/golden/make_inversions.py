"""Makes fixtures/embeddings and fixtures/inversions.json: embeddings for the tiny models, and what diffusers draws with them.

    python make_inversions.py

diffusers reads them with load_textual_inversion; the name of each file is its token. transformers pools at the highest id
where a CLIP's eos_token_id is 2, which an added token would win: here the end of the text is named instead, as A1111 has it.
"""

import json

import numpy as np
import torch
from make_loras import MODELS, REQUEST, pipeline
from make_pictures import FIXTURES
from safetensors.torch import load_file, save_file

EMBEDDINGS = FIXTURES / "embeddings"
CASES = {
    "sd15-two-vectors": ("tiny-sd15", "a squiggle mug on a table, dash", "blue blot, squiggle"),
    "sd21-one-vector": ("tiny-sd21", "a red curl", ""),
    "sdxl-both": ("tiny-sdxl", "a wave on a table", "blue wave"),
}


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.5


def make_files() -> None:
    width = {model: pipeline(model).text_encoder.config.hidden_size for model in ("tiny-sd15", "tiny-sd21", "tiny-sdxl")}
    second = pipeline("tiny-sdxl").text_encoder_2.config.hidden_size
    save_file({"emb_params": random(1, 2, width["tiny-sd15"])}, EMBEDDINGS / "squiggle.safetensors")
    vector = torch.nn.Parameter(random(2, 1, width["tiny-sd15"]))
    blot = {"string_to_token": {"*": 265}, "string_to_param": {"*": vector}, "name": "blot", "step": 9, "sd_checkpoint": None}
    torch.save(blot, EMBEDDINGS / "blot.pt")
    save_file({"<dash>": random(6, width["tiny-sd15"])}, EMBEDDINGS / "dash.safetensors")
    save_file({"emb_params": random(3, 1, width["tiny-sd21"])}, EMBEDDINGS / "curl.safetensors")
    save_file({"clip_l": random(4, 3, width["tiny-sdxl"]), "clip_g": random(5, 3, second)}, EMBEDDINGS / "wave.safetensors")


def load(pipe, name: str) -> None:
    if (EMBEDDINGS / f"{name}.pt").exists():
        return pipe.load_textual_inversion(EMBEDDINGS / f"{name}.pt", token=name)
    tensors = load_file(EMBEDDINGS / f"{name}.safetensors")
    if "clip_l" not in tensors:
        return pipe.load_textual_inversion(EMBEDDINGS / f"{name}.safetensors", token=name)
    pipe.load_textual_inversion(tensors["clip_l"], token=name, text_encoder=pipe.text_encoder, tokenizer=pipe.tokenizer)
    pipe.load_textual_inversion(tensors["clip_g"], token=name, text_encoder=pipe.text_encoder_2, tokenizer=pipe.tokenizer_2)


if __name__ == "__main__":
    torch.set_num_threads(1)
    EMBEDDINGS.mkdir(exist_ok=True)
    make_files()
    golden = []
    for name, (model, prompt, negative) in CASES.items():
        pipe = pipeline(model)
        for file in ("squiggle", "blot", "dash", "curl", "wave"):
            if file in f"{prompt} {negative}":
                load(pipe, file)
        if hasattr(pipe, "text_encoder_2"):
            pipe.text_encoder_2.text_model.eos_token_id = pipe.tokenizer_2.eos_token_id
        request = {**REQUEST, "prompt": prompt, "negative_prompt": negative}
        arguments = {key: value for key, value in request.items() if key not in ("prompt_syntax", "seed")}
        latents = pipe(**arguments, generator=torch.Generator().manual_seed(request["seed"]), output_type="latent").images
        np.save(EMBEDDINGS / f"{name}.npy", latents.detach().numpy().astype(np.float32))
        golden.append({"name": name, "request": {"model": f"models/{model}", **request, "prompt_syntax": "a1111"}})
    (FIXTURES / "inversions.json").write_text(json.dumps(golden, indent=1) + "\n")
