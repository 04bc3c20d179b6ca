"""Embeddings of prompts for test/engine/prompt.test.ts, over the tiny models of fixtures/models.

    python make_prompts.py      (requirements.txt beside it)

Two references, both in float32 on the CPU:
- syntax "plain": diffusers' own encode_prompt of each family's pipeline.
- syntax "a1111": the rules that AUTOMATIC1111's web UI publishes (its wiki: Features, "Attention/emphasis", "BREAK
  keyword", "infinite prompt length", "Clip skip"; its settings "Emphasis" and "Prompt word wrap length limit"),
  written here a second time in Python, with transformers for the tokens and the states. The grammar is a recursive
  descent over the brackets here and a sweep with two stacks in src/diffusion, so that they share no mistake.

An embedding is stored as its shape, DIGEST values spread over it and the mean of its absolute values: enough to see
any difference, in a small file.
"""

import json
import re
from pathlib import Path

import torch
from diffusers import DiffusionPipeline

HERE = Path(__file__).parent
MODELS = HERE / "fixtures" / "models"
DIGEST = 64
ROOM = 75
BACKTRACK = 20

LONG = "a big red house with a tall green tree near the river, " * 9
PROMPTS = {
    "short": "a red mug on a table, watercolor",
    "empty": "",
    "weights": "a (red:1.4) mug on a [small] ((round)) table",
    "nested": "a (((tree:1.3)) [in] a (field:0.5), sun, (((sky))).",
    "escaped": r"a mug \(red\) on \[a\] table \\ (soft\:1.2:1.1)",
    "unbalanced": "a (red mug] on [a table) :1.3)",
    "break": "a red mug BREAK on a table BREAK",
    "zero": "a (red:0) mug (blue:-0.5)",
    "long": LONG,
    "long weights": LONG.replace("tall green", "(tall:1.5) green").replace("river", "[river]"),
    "no commas": "red house " * 60,
    "special": "wow!! (!!:1.2) a <|endoftext|> mug 빨간 컵 😀",
}
# The fields of a request; prompts by their name above.
BOTH = [
    {"prompt": "short"}, {"prompt": "short", "negative_prompt": "empty"}, {"prompt": "empty", "negative_prompt": "short"},
    {"prompt": "long", "negative_prompt": "short"}, {"prompt": "no commas", "negative_prompt": "long"},
    {"prompt": "special", "negative_prompt": "empty"}, {"prompt": "short", "negative_prompt": "weights", "clip_skip": 1},
]  # fmt: skip
A1111_ONLY = [
    {"prompt": "weights"}, {"prompt": "nested", "negative_prompt": "empty"}, {"prompt": "escaped", "negative_prompt": "short"},
    {"prompt": "unbalanced", "negative_prompt": "zero"}, {"prompt": "break", "negative_prompt": "empty"},
    {"prompt": "long weights", "negative_prompt": "weights", "clip_skip": 1}, {"prompt": "zero", "negative_prompt": "long"},
]  # fmt: skip
SEVERAL_ENCODERS = [
    {"prompt": "short", "prompt_2": "weights", "prompt_3": "long", "negative_prompt": "zero", "negative_prompt_2": "special", "negative_prompt_3": "escaped"},
    {"prompt": "long", "prompt_2": "short", "negative_prompt_2": "long"},
]  # fmt: skip
SD3_ONLY = [{"prompt": "long", "negative_prompt": "no commas", "max_sequence_length": 64}]
FAMILIES = {
    "tiny-sd15": "sd", "tiny-sd21": "sd", "tiny-sdxl": "sdxl", "tiny-sd3": "sd3", "tiny-sd3-no-t5": "sd3",
}  # fmt: skip


# ---- A1111's rules


def pieces(text: str) -> list[tuple[str, float]]:
    """Text and weight, neighbours of one weight joined; ("BREAK", None) between chunks."""
    literal = re.compile(r"\\([\\()\[\]])|(\\)|(:[+-]?[.\d]+\))|([()\[\]])|([^\\()\[\]:]+|:)")
    stack = [("", [])]
    for match in literal.finditer(text):
        escaped, lone, weight, bracket, plain = match.groups()
        kinds = [kind for kind, _ in stack]
        if escaped is not None:
            stack[-1][1].append((escaped, 1.0))
        elif lone is not None:
            continue
        elif bracket in ("(", "["):
            stack.append((bracket, []))
        elif (bracket == ")" or weight) and "(" in kinds:
            fold(stack, "(", float(weight[1:-1]) if weight else 1.1)
        elif bracket == "]" and "[" in kinds:
            fold(stack, "[", 1 / 1.1)
        else:
            for i, part in enumerate(re.split(r"\s*\bBREAK\b\s*", bracket or weight or plain)):
                if i > 0:
                    stack[-1][1].append(("BREAK", None))
                stack[-1][1].append((part, 1.0))
    while len(stack) > 1:
        fold(stack, stack[-1][0], 1.1 if stack[-1][0] == "(" else 1 / 1.1)
    joined: list[tuple[str, float]] = []
    for part, weight in stack[0][1]:
        if part == "":
            continue
        if weight is not None and joined and joined[-1][1] is not None and abs(joined[-1][1] - weight) < 1e-9:
            joined[-1] = (joined[-1][0] + part, joined[-1][1])
        else:
            joined.append((part, weight))
    return joined


def fold(stack: list, kind: str, factor: float) -> None:
    """Closes the innermost bracket of a kind. One of the other kind that stands open within it stays open: what it
    holds so far is weighed by both, what follows by the outer one's absence."""
    i = max(j for j, (k, _) in enumerate(stack) if k == kind)
    scaled = [[(p, w if w is None else w * factor) for p, w in parts] for _, parts in stack[i:]]
    stack[i - 1][1].extend(scaled[0])
    tail = [(k, parts) for (k, _), parts in zip(stack[i + 1 :], scaled[1:])]
    del stack[i:]
    stack.extend(tail)


def chunks(tokenizer, text: str) -> list[tuple[list[int], list[float]]]:
    """Ids and weights, 75 of each at most."""
    comma = tokenizer.get_vocab().get(",</w>")
    done: list[list[tuple[int, float]]] = []
    open_chunk: list[tuple[int, float]] = []
    last_comma = -1
    for part, weight in pieces(text):
        if weight is None:
            done.append(open_chunk)
            open_chunk, last_comma = [], -1
            continue
        for token in tokenizer(part, add_special_tokens=False).input_ids:
            full = len(open_chunk) == ROOM
            if full and token != comma and last_comma >= 0 and ROOM - last_comma <= BACKTRACK:
                done.append(open_chunk[: last_comma + 1])
                open_chunk, last_comma = open_chunk[last_comma + 1 :], -1
            elif full:
                done.append(open_chunk)
                open_chunk, last_comma = [], -1
            elif token == comma:
                last_comma = len(open_chunk)
            open_chunk.append((token, weight))
    if open_chunk or not done:
        done.append(open_chunk)
    return [([t for t, _ in chunk], [w for _, w in chunk]) for chunk in done]


def frame(tokenizer, ids: list[int], weights: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    rest = ROOM - len(ids)
    framed = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id] + [tokenizer.pad_token_id] * rest
    return torch.tensor([framed]), torch.tensor([[1.0, *weights, 1.0] + [1.0] * rest])


def emphasize(states: torch.Tensor, weights: torch.Tensor, keep_mean: bool) -> torch.Tensor:
    weighted = states * weights[..., None]
    return weighted * (states.mean() / weighted.mean()) if keep_mean else weighted


def clip_states(encoder, ids: torch.Tensor, family: str, skip: int):
    out = encoder(ids, output_hidden_states=True)
    if family == "sd":
        norm = getattr(encoder, "text_model", encoder).final_layer_norm
        return norm(out.hidden_states[-(skip + 1)]), None
    return out.hidden_states[-(skip + 2)], getattr(out, "text_embeds", None)


def t5_states(pipe, text: str, length: int) -> torch.Tensor:
    """Weights as on CLIP's states; BREAK means nothing here; what is beyond `length` is cut, </s> kept."""
    if pipe.text_encoder_3 is None:
        return torch.zeros(1, length, pipe.transformer.config.joint_attention_dim)
    tokenizer = pipe.tokenizer_3
    tokens = [
        (token, weight)
        for part, weight in pieces(text)
        if weight is not None
        for token in tokenizer(part, add_special_tokens=False).input_ids
    ][: length - 1]
    ids = [t for t, _ in tokens] + [tokenizer.eos_token_id]
    ids += [tokenizer.pad_token_id] * (length - len(ids))
    weights = [w for _, w in tokens] + [1.0] * (length - len(tokens))
    return emphasize(pipe.text_encoder_3(torch.tensor([ids]))[0], torch.tensor([weights]), False)


def a1111_prompts(pipe, family: str, case: dict):
    """Negative prompt first."""
    count = 1 if family == "sd" else 2
    clips = list(zip([pipe.tokenizer, getattr(pipe, "tokenizer_2", None)], [pipe.text_encoder, getattr(pipe, "text_encoder_2", None)]))[:count]
    sides = [(texts_of(case, "negative_prompt"), 0), (texts_of(case, "prompt"), case.get("clip_skip", 0))]
    cut = [[chunks(tokenizer, text) for (tokenizer, _), text in zip(clips, texts)] for texts, _ in sides]
    longest = max(len(windows) for side in cut for windows in side)
    contexts, summaries = [], []
    for (texts, skip), side in zip(sides, cut):
        parts, pooled = [], []
        for (tokenizer, encoder), windows in zip(clips, side):
            states = []
            for i, (ids, weights) in enumerate(windows + [([], [])] * (longest - len(windows))):
                framed, framed_weights = frame(tokenizer, ids, weights)
                z, summary = clip_states(encoder, framed, family, skip)
                states.append(emphasize(z, framed_weights, family == "sd"))
                if i == 0 and summary is not None:
                    pooled.append(summary)
            parts.append(torch.cat(states, 1))
        context = torch.cat(parts, -1)
        if family == "sd3":
            t5 = t5_states(pipe, texts[2], case.get("max_sequence_length", 256))
            context = torch.cat([torch.nn.functional.pad(context, (0, t5.shape[-1] - context.shape[-1])), t5], 1)
        contexts.append(context)
        summaries.append(None if family == "sd" else pooled[-1] if family == "sdxl" else torch.cat(pooled, -1))
    if family == "sdxl" and case.get("negative_prompt") is None and pipe.config.force_zeros_for_empty_prompt:
        contexts[0], summaries[0] = torch.zeros_like(contexts[0]), torch.zeros_like(summaries[0])
    return torch.cat(contexts), None if family == "sd" else torch.cat(summaries)


def texts_of(case: dict, name: str) -> list[str]:
    first = case.get(name) or ""
    return [first, case.get(f"{name}_2") or first, case.get(f"{name}_3") or first]


# ---- diffusers


def plain_prompts(pipe, family: str, case: dict):
    """Negative prompt first."""
    skip = case.get("clip_skip")
    if family == "sd":
        # transformers 5 has no text_encoder.text_model any more, where diffusers looks for clip_skip's layer norm.
        positive, negative = pipe.encode_prompt(case["prompt"], "cpu", 1, True, case.get("negative_prompt"))
        if skip is not None:
            tokens = pipe.tokenizer(case["prompt"], padding="max_length", truncation=True, max_length=77, return_tensors="pt")
            positive, _ = clip_states(pipe.text_encoder, tokens.input_ids, family, skip)
        return torch.cat([negative, positive]), None
    keys = ["prompt", "prompt_2", "negative_prompt", "negative_prompt_2"]
    keys += ["prompt_3", "negative_prompt_3", "max_sequence_length"] if family == "sd3" else []
    given = {key: case[key] for key in keys if key in case}
    given.setdefault("prompt_2", None)
    if family == "sd3":
        given.setdefault("prompt_3", None)
    positive, negative, pooled, negative_pooled = pipe.encode_prompt(**given, device="cpu", do_classifier_free_guidance=True, clip_skip=skip)
    return torch.cat([negative, positive]), torch.cat([negative_pooled, pooled])


# ---- files


def digest(tensor: torch.Tensor | None) -> dict | None:
    if tensor is None:
        return None
    flat = tensor.flatten().double()
    # 7919 is prime and larger than any row, so that the places fall on all rows and columns.
    picks = [round(flat[(i * 7919) % len(flat)].item(), 6) for i in range(min(DIGEST, len(flat)))]
    return {"dims": list(tensor.shape), "values": picks, "magnitude": round(flat.abs().mean().item(), 6)}


def main() -> None:
    golden = []
    for model, family in FAMILIES.items():
        if not (MODELS / model).exists():
            print("absent:", model)
            continue
        options = {"torch_dtype": torch.float32}
        if model in ("tiny-sd21", "tiny-sdxl"):
            options["variant"] = "fp16"
        if model == "tiny-sd3-no-t5":
            options |= {"text_encoder_3": None, "tokenizer_3": None}
        pipe = DiffusionPipeline.from_pretrained(MODELS / model, **options)
        cases = [("plain", c) for c in BOTH] + [("a1111", c) for c in BOTH + A1111_ONLY]
        if family != "sd":
            cases += [(syntax, c) for syntax in ("plain", "a1111") for c in SEVERAL_ENCODERS]
        if family == "sd3":
            cases += [(syntax, c) for syntax in ("plain", "a1111") for c in SD3_ONLY]
        for syntax, case in cases:
            request = {k: PROMPTS[v] if isinstance(v, str) else v for k, v in case.items()}
            encode = plain_prompts if syntax == "plain" else a1111_prompts
            with torch.no_grad():
                context, pooled = encode(pipe, family, request)
            entry = {"model": model, "prompt_syntax": syntax, "request": case, "context": digest(context)}
            golden.append(entry if pooled is None else {**entry, "pooled": digest(pooled)})
    text = {"prompts": PROMPTS, "cases": golden}
    lines = json.dumps(text, ensure_ascii=False, separators=(",", ":")).replace('{"model"', '\n{"model"')
    (HERE / "fixtures" / "prompts.json").write_text(lines + "\n")
    print(len(golden), "cases,", len(lines), "characters")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
