"""Makes models/tokenizers/qwen-merges.txt.br and fixtures/qwen-words.json: python make_qwen_vocabulary.py qwen.tiktoken

qwen.tiktoken (Apache 2.0, Alibaba Cloud) is in the PyPI package dashscope 1.20.0: words by their rank. The two parts that
each was merged from are those that byte-pair encoding with the earlier words alone cuts it into. The fixture holds
what tiktoken makes of some texts within the chat template. Needs brotli and tiktoken.
"""

import base64
import json
import sys
import unicodedata
from pathlib import Path

import brotli
import tiktoken

OUT = Path(__file__).parents[2] / "models" / "tokenizers" / "qwen-merges.txt.br"


SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEXTS = [
    "a photo of a red mug, 4k", "", "빨간 컵 위의 고양이", "赤いマグ、水彩", "naïve café — “quotes” don't",
    "\n\n  tabs\t\tand   spaces  ", "🦊🦊 emoji 👩\u200d👩\u200d👧", "1234567890 3.14159", "ﬁ ligature A\u030a",
    "def f(x):\n    return x**2", "ZWJ\u200d\u200bxx", "İstanbul’da", "العربية עברית हिन्दी ไทย",
]  # fmt: skip


def characters() -> dict[int, str]:
    """A printable character for each byte, as GPT-2 has them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def parts_of(word: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    parts = [bytes([byte]) for byte in word]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, len(ranks)) for a, b in zip(parts, parts[1:], strict=False)]
        best = min(pairs)
        assert best < ranks[word]
        at = pairs.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def main() -> None:
    lines = [line.split() for line in Path(sys.argv[1]).read_bytes().splitlines()]
    ranks = {base64.b64decode(word): int(rank) for word, rank in lines}
    names = characters()
    assert [word[0] for word in list(ranks)[:256]] == sorted(names, key=lambda byte: ord(names[byte]))
    text = "\n".join(
        " ".join("".join(names[byte] for byte in part) for part in parts_of(word, ranks)) for word in list(ranks)[256:]
    )
    special = {mark: len(ranks) + i for i, mark in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])}
    encoding = tiktoken.Encoding("qwen", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens=special)
    framed = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    cases = [
        {"text": one, "ids": encoding.encode(framed.format(unicodedata.normalize("NFC", one)), allowed_special="all")}
        for one in TEXTS
    ]
    fixture = Path(__file__).parent / "fixtures" / "qwen-words.json"
    fixture.write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")
    OUT.write_bytes(brotli.compress(text.encode() + b"\n", quality=11))


if __name__ == "__main__":
    main()
