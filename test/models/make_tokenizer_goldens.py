"""Token ids of hard prompts by transformers' CLIPTokenizer, for tokenizer.golden.json.

    python make_tokenizer_goldens.py      (requirements: ../golden/requirements.txt)
"""

import json
import random
import shutil
import tempfile
from pathlib import Path

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


def random_prompts(count: int) -> list[str]:
    source = random.Random(1)
    ranges = [(32, 127), (32, 127), (97, 123), (0, 32), (160, 256), (256, 0x250), (0x370, 0x530), (0x4E00, 0x4E40), (0x1F600, 0x1F640), (0x2000, 0x2070)]
    prompts = []
    for _ in range(count):
        parts = []
        for _ in range(source.randint(1, 8)):
            low, high = source.choice(ranges)
            parts.append("".join(chr(source.randrange(low, high)) for _ in range(source.randint(1, 6))))
        prompts.append(" ".join(parts) if source.random() < 0.5 else "".join(parts))
    return prompts


def encode(folder: Path, prompts: list[str]) -> list[dict]:
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    out = []
    for prompt in prompts:
        ids = tokenizer(prompt, padding="max_length", max_length=77, truncation=True).input_ids
        while ids[-1] == tokenizer.pad_token_id:  # the test fills up to 77 again
            ids.pop()
        out.append({"prompt": prompt, "ids": ids, "count": len(tokenizer(prompt).input_ids)})
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
    for name, files in (("hub-legacy", hub), ("hub-decoder", decoded)):
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
            {"name": name, "files": files, "cases": encode(folder, PROMPTS + random_prompts(60))}
            for name, folder, files in variants(Path(temporary))
        ]
    (HERE / "tokenizer.golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
