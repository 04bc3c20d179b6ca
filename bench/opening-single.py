"""A model folder of Stable Diffusion 1 as the single file that A1111 knows: python opening-single.py FOLDER FILE."""
import re
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).parent.parent / "test" / "golden"))
from make_checkpoints import ldm_unet, ldm_vae  # noqa: E402


def main(folder, file):
    import json

    read = lambda part, name: load_file(Path(folder, part, name))
    config = json.loads(Path(folder, "unet", "config.json").read_text())
    vae = json.loads(Path(folder, "vae", "config.json").read_text())
    single = {}
    for name, tensor in read("unet", "diffusion_pytorch_model.safetensors").items():
        single["model.diffusion_model." + ldm_unet(name, config)] = tensor
    attention = re.compile(r"mid_block\.attentions\.0\.to_.*weight")
    for name, tensor in read("vae", "diffusion_pytorch_model.safetensors").items():
        single["first_stage_model." + ldm_vae(name, vae)] = tensor[:, :, None, None] if attention.search(name) else tensor
    for name, tensor in read("text_encoder", "model.safetensors").items():
        single["cond_stage_model.transformer." + name] = tensor
    save_file({name: tensor.contiguous() for name, tensor in single.items()}, file)


main(*sys.argv[1:])
