"""Token ids of hard prompts by transformers' CLIPTokenizer, for tokenizer.golden.json.

    python make_tokenizer_goldens.py      (requirements: ../golden/requirements.txt)
"""

import json
import random
import shutil
import tempfile
from pathlib import Path

from diffusers.loaders import TextualInversionLoaderMixin
from transformers import CLIPTokenizer

HERE = Path(__file__).parent
MODELS = HERE.parent / "golden" / "fixtures" / "models"
PROMPTS = [
    "", " ", "a red mug on a table, watercolor", "A  RED\tMug\n on\r\n a   table", "it's the cat's, we've they'll I'd I'm you're don't",
    "IT'S", "wow!!", "! ! !!a!", "1234 3.14 x2 2x ½ ² ٣", "a_b-c/d\\e (f:1.3) [g] {h} <i> | & % # @ ~ ` ^ \" '",
    "café cafe\u0301 naïve ÅNGSTRÖM straße İstanbul ΑΣ ΣΑΣ Σ", "빨간 컵", "빨간 컵", "赤いマグカップ 日本語", "красная кружка",
    "😀 👩‍🚀 🇩🇪 ❤️ a😀b", "a\u00a0b\u2003c\u3000d\u200be\ufefff\u0085g\u2028h", "nul\u0000bell\u0007esc\u001b\u001c\u001d\u001f\u007f end",
    "<|startoftext|>", "a <|endoftext|> b", "<|endoftext|><|endoftext|>", "<|STARTOFTEXT|> x <|EndOfText|>", "<|endoftext|", "x<|endoftext|>y!z",
    "ﬁ ① Ⅷ ℌ", "मग लाल", "แก้วสีแดง", "كوب أحمر", "a\u0300\u0301\u0302", "\u0301", "xyzzy qwrtp zzzzzzzzzzzz", "''' 's's 'S", "----====++++",
    "word " * 90, "red" * 60, "supercalifragilistic " * 20, "a" * 300, "mug! " * 60, "𝓌𝒶𝓉𝑒𝓇 𠮷", "ǅ ǈ Ω K ſ", "a\u200db\u00adc", "٠١٢ Ⅳ ⅳ 🅰",
]  # fmt: skip


# A text that is repeated: up to the 10,000 characters that a request may have.
REPEATED = [
    ("a red mug, ", 900), ("빨간 컵 ", 2500), ("👩‍🚀", 2000), ("ab", 5000), ("!", 10000), ("<|endoftext|>", 700), ("\u0000\u0001\u009f\u00a0", 2500),
    ("\u1112\u1161\u11ab\u1100\u1173\u11af ", 1400), ("e\u0301\u0301\u0323", 2500), ("\u202e\u2066x\u200f", 2500), ("((", 5000), ("\U0010ffff\ufffe", 3000),
]  # fmt: skip


def random_prompts(count: int) -> list[str]:
    source = random.Random(1)
    ranges = [(32, 127), (32, 127), (97, 123), (0, 32), (160, 256), (256, 0x250), (0x370, 0x530), (0x4E00, 0x4E40), (0x1F600, 0x1F640), (0x2000, 0x2070), (0x7F, 0xA1), (0xAC00, 0xD7A4), (0x1100, 0x1200)]
    prompts = []
    for _ in range(count):
        parts = []
        for _ in range(source.randint(1, 8)):
            low, high = source.choice(ranges)
            parts.append("".join(chr(source.randrange(low, high)) for _ in range(source.randint(1, 6))))
        prompts.append(" ".join(parts) if source.random() < 0.5 else "".join(parts))
    return prompts


# Of tokenizers with textual inversions baked in: a style of one vector, a cat of three.
BAKED = [
    "a red mug, <midjourney-style>", "a <cat> toy", "a <CAT> toy", "x<cat>y", "<cat>, <cat>_1", "<cat><cat>", "<cat>_2 <midjourney-style>", "<dog>", "a <red-dog> b",
]  # fmt: skip


def encode(folder: Path, prompts: list[str]) -> list[dict]:
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    out = []
    for text, times in [(prompt, 1) for prompt in prompts] + REPEATED:
        prompt = TextualInversionLoaderMixin().maybe_convert_prompt(text * times, tokenizer)
        ids = tokenizer(prompt, padding="max_length", max_length=77, truncation=True).input_ids
        while ids[-1] == tokenizer.pad_token_id:  # the test fills up to 77 again
            ids.pop()
        every = tokenizer(prompt, add_special_tokens=False).input_ids
        # A digest of all ids in their order.
        digest = 0
        for token in every:
            digest = (digest * 31 + token) % 1_000_003
        out.append({"prompt": text, **({"times": times} if times > 1 else {}), "ids": ids, "count": len(every) + 2, "digest": digest})
    return out


def variants(temporary: Path):
    """The tiny models' tokenizers, and the spellings of special tokens that the hub's folders have."""
    yield "tiny-sd15", MODELS / "tiny-sd15" / "tokenizer", {}
    yield "tiny-sd21", MODELS / "tiny-sd21" / "tokenizer", {}
    token = lambda content, **more: {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **more}
    eos, bos = token("<|endoftext|>"), token("<|startoftext|>")
    hub = {
        "tokenizer_config.json": {
            "add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77,
            "tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>",
            "bos_token": {"__type": "AddedToken", **bos}, "eos_token": {"__type": "AddedToken", **eos}, "unk_token": {"__type": "AddedToken", **eos},
        },
        "special_tokens_map.json": {"bos_token": bos, "eos_token": eos, "pad_token": "<|endoftext|>", "unk_token": eos},
    }  # fmt: skip
    vocab = json.loads((MODELS / "tiny-sd15" / "tokenizer" / "vocab.json").read_text())
    decoder = {str(vocab["!"]): token("!", normalized=False, special=True), str(vocab["<|startoftext|>"]): {**bos, "special": True}, str(vocab["<|endoftext|>"]): {**eos, "special": True}}
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "!", "unk_token": "<|endoftext|>"}
    decoded = {"tokenizer_config.json": {"added_tokens_decoder": decoder, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **names}}
    # SDXL's and SD 2's second tokenizer as older tools wrote it: "!" pads, so that each "!" of a prompt is padding.
    padded = {
        "tokenizer_config.json": {**hub["tokenizer_config.json"], "pad_token": "!"},
        "special_tokens_map.json": {**hub["special_tokens_map.json"], "pad_token": "!"},
    }
    # Textual inversions, wherever transformers has kept added tokens; one list has a gap between its ids.
    size = len(vocab)
    words = ["<midjourney-style>", "<cat>", "<cat>_1", "<cat>_2"]
    plain = token("", special=False)
    listed = {"tokenizer_config.json": hub["tokenizer_config.json"], "added_tokens.json": {word: size + i for i, word in enumerate(words)}}
    gap = {**listed, "added_tokens.json": {word: size + 3 * i for i, word in enumerate(words)}}
    baked = {"tokenizer_config.json": {
        **decoded["tokenizer_config.json"],
        "added_tokens_decoder": decoder | {str(size + i): {**plain, "content": word} for i, word in enumerate(words)},
    }}  # fmt: skip
    merges = (MODELS / "tiny-sd15" / "tokenizer" / "merges.txt").read_text().splitlines()[1:]
    # tokenizer.json wins over the vocabulary beside it, and holds tokens of its own.
    whole = {
        "tokenizer_config.json": {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **{**names, "pad_token": "<|endoftext|>"}},
        "tokenizer.json": {
            "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": None, "decoder": None,
            "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", vocab["<|endoftext|>"]], "cls": ["<|startoftext|>", vocab["<|startoftext|>"]], "trim_offsets": False, "add_prefix_space": False},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "", "end_of_word_suffix": "</w>", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": merges[: len(merges) // 2]},
            "added_tokens": [{"id": vocab["<|endoftext|>"], **eos, "special": True, "normalized": False}] + [{"id": size + i, **plain, "content": word} for i, word in enumerate(words)],
        },
    }  # fmt: skip
    extra = {"tokenizer_config.json": {**hub["tokenizer_config.json"], "additional_special_tokens": ["<dog>", "<red-dog>"]}}
    variants = [("hub-legacy", hub), ("hub-decoder", decoded), ("hub-legacy-2", padded), ("baked-json", listed), ("baked-gap", gap), ("baked-decoder", baked), ("baked-whole", whole), ("baked-extra", extra)]
    for name, files in variants:
        folder = temporary / name
        folder.mkdir()
        for file in ("vocab.json", "merges.txt"):
            shutil.copy(MODELS / "tiny-sd15" / "tokenizer" / file, folder)
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content))
        yield name, folder, files


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        golden = [
            {"name": name, "files": files, "cases": encode(folder, PROMPTS + (BAKED if name.startswith("baked") else []) + random_prompts(0 if name.startswith("baked") else 60))}
            for name, folder, files in variants(Path(temporary))
        ]
    (HERE / "tokenizer.golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
