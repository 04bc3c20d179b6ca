"""Makes fixtures/safety: a tiny safety checker with random weights, and what diffusers computes with it.

    python make_safety.py

The folder is that of a model's safety_checker and feature_extractor. For each picture: the levels that the feature
extractor makes of it, with Pillow and as diffusers runs it (torchvision), the cosines, the scores and the verdict.
"""

import base64
import json

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker, cosine_distance
from make_pictures import FIXTURES
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SAFETY = FIXTURES / "safety"
SIZES = [(64, 48), (40, 72), (30, 31), (12, 90)]


def picture(width: int, height: int) -> np.ndarray:
    """[height, width, 3]; the test makes the same."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 7 + y * 13 + c * 50 + (x * y) % 31 * 5) % 256).astype(np.uint8)


def checker() -> StableDiffusionSafetyChecker:
    vision = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=7)
    config = CLIPConfig(
        projection_dim=24,
        vision_config=vision,
        text_config=dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1),
    )
    torch.manual_seed(0)
    model = StableDiffusionSafetyChecker(config)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn(value.shape, generator=generator) * (0.5 if value.dim() == 1 else 0.2))
        for name, value in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                value.add_(1)
    return model.eval()


def lead(values: np.ndarray) -> np.ndarray:
    """How far each picture is before all others, by concept."""
    others = np.stack([np.delete(values, i, axis=0).max(axis=0) for i in range(len(values))])
    return values - others


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


if __name__ == "__main__":
    torch.set_num_threads(1)
    model = checker()
    size = dict(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    extractor, pillow = CLIPImageProcessor(**size), CLIPImageProcessorPil(**size)
    pictures = [Image.fromarray(picture(*one)) for one in SIZES]
    values = extractor(pictures, return_tensors="pt").pixel_values
    mean, std = (np.array(extractor.to_dict()[key]).reshape(1, 3, 1, 1) for key in ("image_mean", "image_std"))
    levels = np.rint((values.numpy() * std + mean) * 255).astype(np.uint8)
    with_pillow = np.rint((pillow(pictures, return_tensors="np").pixel_values * std + mean) * 255).astype(np.uint8)
    with torch.no_grad():
        embeds = model.visual_projection(model.vision_model(values)[1])
        cosines = cosine_distance(embeds, model.concept_embeds).numpy()
        special = cosine_distance(embeds, model.special_care_embeds).numpy()
        # One picture is above a threshold; another one is so only with the margin that special care adds.
        plain = int(np.argmax(lead(cosines).max(axis=1)))
        lead_of_special = lead(special)
        lead_of_special[plain] = -1
        cared, care = np.unravel_index(np.argmax(lead_of_special), special.shape)
        concept = int(np.argmax(lead(cosines)[plain]))
        near = int(np.argmax(lead(cosines)[cared]))
        model.concept_embeds_weights.fill_(1)
        model.special_care_embeds_weights.fill_(1)
        model.concept_embeds_weights[concept] = float(cosines[plain, concept]) - 0.004
        model.concept_embeds_weights[near] = float(cosines[cared, near]) + 0.005
        model.special_care_embeds_weights[care] = float(special[cared, care]) - 0.004
        _, flags = model(values, [np.zeros((1, 1, 3)) for _ in pictures])
    model.save_pretrained(SAFETY / "safety_checker")
    extractor.save_pretrained(SAFETY / "feature_extractor")
    golden = []
    for i, one in enumerate(SIZES):
        golden.append(
            {
                "size": one,
                "levels": encode(levels[i].transpose(1, 2, 0)),
                "pillow": encode(with_pillow[i].transpose(1, 2, 0)),
                "concepts": cosines[i].astype(float).tolist(),
                "special": special[i].astype(float).tolist(),
                "flagged": bool(flags[i]),
            }
        )
    print([g["flagged"] for g in golden], np.abs(levels.astype(int) - with_pillow.astype(int)).max())
    (SAFETY / "safety.json").write_text(json.dumps(golden) + "\n")
