"""A CLIP tokenizer whose byte-pair merges know the captions' words, and some for later rounds."""
import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from captions import all_words

LENGTH = 32  # tokens of a prompt, with start, end and padding
LATER = """person man woman child boy girl dancer robot dog horse rabbit bear bird butterfly bicycle train plane ship
rocket castle bridge tower lighthouse guitar book clock bottle cup cake bread banana cherry pear orange grape mushroom
cactus rose tulip sun moon planet cloud rain snowman hat dress shirt coat shoe bag box ball key candle phone camera
room kitchen garden park river lake ocean sea island cave space street road field farm desert jungle valley hill
left right center middle two three with and in on at by under over next to beside behind the front of wearing standing
sitting dancing jumping running product backdrop studio pastel sketch oil painting photo morning evening noon dawn dusk
big small little tall round old new bright dark light cyan magenta gold silver turquoise beige""".split()


def make_tokenizer(folder):
    """Write tokenizer/{vocab.json,merges.txt,tokenizer_config.json} under `folder`; -> CLIPTokenizer."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    model.normalizer = normalizers.Lowercase()
    model.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=4096, end_of_word_suffix="</w>", show_progress=False, min_frequency=1)
    words = all_words()
    model.train_from_iterator([*words * 4, *(w for w in LATER if w not in words), ","], trainer)
    learned = json.loads(model.to_str())["model"]["merges"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in learned]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = letters + [f"{letter}</w>" for letter in letters]
    tokens += [token for token in dict.fromkeys(m.replace(" ", "") for m in merges) if token not in set(tokens)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, "do_lower_case": True,
        "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>", "add_prefix_space": False, "errors": "replace"}, indent=2) + "\n")
    return load_tokenizer(folder)


def load_tokenizer(folder):
    """The tokenizer of a model folder."""
    return CLIPTokenizer.from_pretrained(folder)


def ids(tokenizer, texts):
    """-> int64 [len(texts), LENGTH]."""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt").input_ids
