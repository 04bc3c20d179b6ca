"""Makes the tiny folders of SDXL, of a latent consistency model, of an inpainting UNet, and some ControlNets.

    python make_families.py [NAME ...]

As in make_models.py the layers are real and the weights random, then trained for a few seconds on smooth fields.
tiny-sdxl is written as the hub's SDXL base (two text encoders, the second with projection and "!" as padding, Euler
with leading spacing); tiny-lcm as an LCM (the guidance as an input); tiny-inpaint as an inpainting SD 1.5 (nine
channels). controlnets/ holds nets whose last convolutions are random instead of zero, so that they act.
"""

import math
import shutil
import sys

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDPMScheduler, UNet2DConditionModel
from make_models import BETAS, MODELS, WORDS, enliven, scale_vae, smooth, write_json, write_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

CONTROLNETS = MODELS.parent / "controlnets"
SD_BLOCKS = dict(
    block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
)  # fmt: skip
SD_UP = dict(up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
SDXL_BLOCKS = dict(
    block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=32, attention_head_dim=[1, 2], norm_num_groups=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), transformer_layers_per_block=[1, 2],
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
    projection_class_embeddings_input_dim=8 * 6 + 12,
)  # fmt: skip
SDXL_UP = dict(up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"))


def new_text(tokenizer, kind, **options):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
        bos_token_id=len(tokenizer) - 2, eos_token_id=2, pad_token_id=1, **options,
    )  # fmt: skip
    return kind(config).eval()


def new_vae(scaling_factor):
    return AutoencoderKL(
        block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        scaling_factor=scaling_factor,
    ).eval()  # fmt: skip


def train(unet, encode, channels, steps, generator, extra=lambda n: {}):
    """Noise prediction on smooth fields whose colour follows the prompt; further inputs are random."""
    schedule = DDPMScheduler(**BETAS)
    width = encode(["a"])[0].shape[-1]
    colour = torch.randn(width, 4, generator=generator) / math.sqrt(width)
    optimizer = torch.optim.Adam(unet.parameters(), lr=4e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        picks = torch.randint(0, len(WORDS), (8, 3), generator=generator)
        with torch.no_grad():
            context, pooled = encode([" ".join(WORDS[i] for i in row) for row in picks])
            latents = 0.6 * smooth(8, 4, 16, 16, generator) + (context.mean(1) @ colour)[:, :, None, None]
        noise = torch.randn(latents.shape, generator=generator)
        t = torch.randint(0, 1000, (8,), generator=generator)
        sample = schedule.add_noise(latents, noise, t)
        if channels > 4:
            sample = torch.cat([sample, torch.randn(8, channels - 4, 16, 16, generator=generator)], 1)
        told = extra(8)
        if "added_cond_kwargs" in told:
            told["added_cond_kwargs"]["text_embeds"] = pooled
        loss = (unet(sample, t, context, **told).sample - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        rate.step()
    unet.eval()
    return loss.item()


def sd_encoder(tokenizer, text):
    def encode(prompts):
        ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        return text(ids).last_hidden_state, None

    return encode


def write_index(folder, name, parts, **more):
    entries = {part: ["diffusers" if kind[0] in "UAEPLD" and "Tok" not in kind else "transformers", kind] for part, kind in parts.items()}
    write_json(folder / "model_index.json", {"_class_name": name, "_diffusers_version": "0.42.1", **more, **entries})


def write_scheduler(folder, name, **options):
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", {"_class_name": name, "_diffusers_version": "0.42.1", **BETAS, **options})


def fresh(name):
    folder = MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


SD_PARTS = {
    "text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL",
}  # fmt: skip
SAFETY = {"feature_extractor": [None, None], "safety_checker": [None, None], "requires_safety_checker": False}


def make_sd_like(name, pipeline, scheduler, unet_options, channels, seed, extra=lambda n: {}, **scheduler_options):
    folder, generator = fresh(name), torch.Generator().manual_seed(seed)
    tokenizer = write_tokenizer(folder / "tokenizer", 160, "<|endoftext|>")
    text = new_text(tokenizer, CLIPTextModel, hidden_act="quick_gelu", projection_dim=16)
    unet = UNet2DConditionModel(sample_size=16, **SD_BLOCKS, **SD_UP, **unet_options)
    vae = new_vae(0.18215)
    for model in (text, unet, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)
    print(name, "loss", train(unet, sd_encoder(tokenizer, text), channels, 500, generator, extra))
    write_index(folder, pipeline, {**SD_PARTS, "scheduler": scheduler}, **SAFETY)
    text.save_pretrained(folder / "text_encoder")
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    write_scheduler(folder, scheduler, **scheduler_options)


def make_lcm():
    generator = torch.Generator().manual_seed(1)
    told = lambda n: {"timestep_cond": torch.randn(n, 32, generator=generator)}  # noqa: E731
    make_sd_like(
        "tiny-lcm", "LatentConsistencyModelPipeline", "LCMScheduler", dict(time_cond_proj_dim=32), 4, 31, told,
        original_inference_steps=50, timestep_scaling=10.0, set_alpha_to_one=True, steps_offset=0, clip_sample=False,
    )  # fmt: skip


def make_inpaint():
    make_sd_like(
        "tiny-inpaint", "StableDiffusionInpaintPipeline", "PNDMScheduler", dict(in_channels=9), 9, 32,
        skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, clip_sample=False,
    )  # fmt: skip


def make_sdxl():
    folder, generator = fresh("tiny-sdxl"), torch.Generator().manual_seed(33)
    tokenizer = write_tokenizer(folder / "tokenizer", 160, "<|endoftext|>")
    tokenizer_2 = write_tokenizer(folder / "tokenizer_2", 160, "!")
    text = new_text(tokenizer, CLIPTextModel, hidden_act="quick_gelu", projection_dim=16)
    text_2 = new_text(tokenizer_2, CLIPTextModelWithProjection, hidden_act="gelu", projection_dim=12)
    unet = UNet2DConditionModel(sample_size=16, **SDXL_BLOCKS, **SDXL_UP)
    vae = new_vae(0.13025)
    for model in (text, text_2, unet, vae):
        enliven(model, generator)
    scale_vae(vae, generator, 0.5)

    def encode(prompts):
        states = []
        for each, model in ((tokenizer, text), (tokenizer_2, text_2)):
            ids = each(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            out = model(ids, output_hidden_states=True)
            states.append(out.hidden_states[-2])
        return torch.cat(states, -1), out.text_embeds

    sizes = lambda n: {"added_cond_kwargs": {"time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]]).repeat(n, 1)}}  # noqa: E731
    print("tiny-sdxl loss", train(unet, encode, 4, 500, generator, sizes))
    parts = {
        **SD_PARTS, "text_encoder_2": "CLIPTextModelWithProjection", "tokenizer_2": "CLIPTokenizer",
        "scheduler": "EulerDiscreteScheduler",
    }  # fmt: skip
    write_index(folder, "StableDiffusionXLPipeline", parts, force_zeros_for_empty_prompt=True, add_watermarker=None)
    text.save_pretrained(folder / "text_encoder")
    text_2.half().save_pretrained(folder / "text_encoder_2", variant="fp16")
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    write_scheduler(
        folder, "EulerDiscreteScheduler", timestep_spacing="leading", steps_offset=1, interpolation_type="linear",
        prediction_type="epsilon", use_karras_sigmas=False, clip_sample=False, set_alpha_to_one=False,
        skip_prk_steps=True, sample_max_value=1.0, trained_betas=None,
    )  # fmt: skip


def make_controlnets():
    shutil.rmtree(CONTROLNETS, ignore_errors=True)
    for name, blocks, seed, more in (
        ("sd15-canny", dict(SD_BLOCKS, layers_per_block=2), 41, {}),
        ("sd15-pose", dict(SD_BLOCKS, layers_per_block=2), 42, {"controlnet_conditioning_channel_order": "bgr"}),
        ("inpaint-canny", SD_BLOCKS, 44, {}),
        ("sdxl-canny", SDXL_BLOCKS, 43, {}),
    ):
        # The control picture shrinks to the latents' size: by four, as the tiny VAEs do.
        net = ControlNetModel(**blocks, conditioning_embedding_out_channels=(4, 4, 8), **more)
        enliven(net, torch.Generator().manual_seed(seed))
        for layer in [*net.controlnet_down_blocks, net.controlnet_mid_block]:
            layer.weight.data *= 0.2
        net.save_pretrained(CONTROLNETS / name)


MAKERS = {"sdxl": make_sdxl, "lcm": make_lcm, "inpaint": make_inpaint, "controlnets": make_controlnets}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for wanted in sys.argv[1:] or MAKERS:
        MAKERS[wanted]()
