"""Small tokenizers of the three families, and a model that says the tokens it is told to."""

import random

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from decodelib.models.base import LanguageModel
from decodelib.models.loading import STORYBOOK

WORDS = ["hello", "world", "the", "fox", "do", "not", "stop", "here", "é", "日本", "🦊", "a", "b"]


def byte_level() -> Tokenizer:
    """Storybook's own: any token may hold a part of a character, and text besides."""
    return Tokenizer.from_file(str(STORYBOOK / "tokenizer.json"))


def byte_fallback() -> Tokenizer:
    """As Llama 2, Mistral and Gemma have: whole words, or single bytes where there is no word."""
    vocab = {"<unk>": 0, "</s>": 1} | {f"<0x{byte:02X}>": 2 + byte for byte in range(256)}
    for word in WORDS + [f"▁{word}" for word in WORDS] + ["▁", "."]:
        vocab.setdefault(word, len(vocab))
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(["</s>"])
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT has: spaces come back between words, and not before pieces and punctuation."""
    vocab = {"[UNK]": 0, "[SEP]": 1}
    for word in [*WORDS, *(f"##{word}" for word in WORDS), ".", ",", "!", "'", "##s", "s"]:
        vocab.setdefault(word, len(vocab))
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[SEP]"])
    return tokenizer


FAMILIES = {"byte-level": byte_level, "byte-fallback": byte_fallback, "word-piece": word_piece}


class Recital(LanguageModel):
    """A model that continues every prompt with the same tokens, and then ends the text.

    Args:
        tokenizer: Whose ids the tokens are; those that it lacks have no text.
        ids: What the model says.
        eos: The id that ends a text.
    """

    def __init__(self, tokenizer: Tokenizer, ids: list[int], eos: int) -> None:
        self.tokenizer, self.ids = tokenizer, [*ids, eos]
        self.name, self.device, self.dtype = "recital", torch.device("cpu"), torch.float64
        self.vocab_size = max(tokenizer.get_vocab_size(), *self.ids) + 1
        self.context_length, self.bos_token_id = len(self.ids) + 8, eos
        self.eos_token_ids = (eos,)
        # The anchor keeps the space that some decoders take from the beginning of a text.
        self._anchor = tokenizer.encode("hello", add_special_tokens=False).ids

    def encode(self, text: str) -> torch.Tensor:
        return torch.tensor(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids) -> str:
        anchor = self.tokenizer.decode(self._anchor, skip_special_tokens=False)
        ids = [*self._anchor, *(int(i) for i in ids)]
        return self.tokenizer.decode(ids, skip_special_tokens=False)[len(anchor) :]

    def logits(self, ids) -> torch.Tensor:
        return torch.stack([self._row(place) for place in range(len(ids))])

    def prefill(self, prompts, capacity):
        return torch.stack([self._row(0) for _ in prompts]), Places([0] * len(prompts))

    def step(self, next_ids, cache):
        cache.places = [place + 1 for place in cache.places]
        return torch.stack([self._row(place) for place in cache.places])

    def _row(self, place: int) -> torch.Tensor:
        row = torch.full((self.vocab_size,), -torch.inf, dtype=torch.float64)
        row[self.ids[min(place, len(self.ids) - 1)]] = 0.0
        return row


class Places:
    """Where in the recital every row is: the recital's cache."""

    def __init__(self, places):
        self.places = places
        self.hidden = torch.ones(len(places), 1, 2)

    def select(self, rows):
        return Places([self.places[row] for row in rows.tolist()])

    def rewind(self, count):
        self.places = [place - count for place in self.places]


SCRIPTS = (
    "abc hello world the fox. do not stop, here!",
    "é à ü ß ñ e\u0301 o\u0308",
    "日本語 中文 한국어 가나다",
    "Привет мир γειά עברית العربية हिन्दी ไทย",
    "🦊🦊 👩‍👩‍👧 🏳️‍🌈 🇫🇷 ✌🏽",
    "\u200b\u200d\ufeff\u00ad\u0000\n\r\t\u2028",
    "\ufffd\ufffd",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff",
)


def random_ids(rng: random.Random, tokenizer: Tokenizer, most: int = 24) -> list[int]:
    """Return the tokens of random text of all scripts, cut anywhere and mixed with other tokens."""
    text = "".join(
        script[start : start + rng.randint(1, 8)]
        for script in rng.choices(SCRIPTS, k=rng.randint(1, 4))
        for start in [rng.randrange(len(script))]
    )
    ids = tokenizer.encode(text, add_special_tokens=False).ids[: rng.randint(1, most)]
    kind = rng.random()
    size = tokenizer.get_vocab_size()
    if kind < 0.35 and ids:  # lose a token: bytes that never become a character
        del ids[rng.randrange(len(ids))]
    elif kind < 0.6:  # any tokens at all, ids without a text among them
        for _ in range(rng.randint(1, 5)):
            ids.insert(rng.randint(0, len(ids)), rng.randrange(2, size + 3))
    return ids or [2]
