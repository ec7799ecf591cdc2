"""Turn a corpus folder into a tokenizer and two arrays of token ids, ready for train.py.

    python training/prepare.py CORPUS_FOLDER DATA_FOLDER

In: text files as extract.py writes them. Out, in DATA_FOLDER: tokenizer.json (byte-level BPE),
train.npy and held_out.npy (uint16, one dimension): passages in random order, <|endoftext|> before
each and after the last. The same corpus, vocabulary size and seed give the same files.
"""

import argparse
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt16
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
CHAPTER_SEPARATOR = f"\n{END_OF_TEXT}\n"
FILTER_FOLDER = Path(__file__).parent / "filter"
OTHER_CHARACTERS = re.compile(r"[^\x20-\x7eéèêàçôûîïëâüöäñ£°½¼]")
MIN_DOCUMENT_CHARACTERS = 200
# A passage ends with the first paragraph that brings it to a length drawn from this range, or
# before a paragraph that would take it past MAX_PASSAGE_TOKENS.
PASSAGE_TOKENS = (120, 420)
MAX_PASSAGE_TOKENS = 480
MIN_PASSAGE_TOKENS = 20
# Of every 50 passages one is held out: 2%.
HELD_OUT_SHARE = 50

Document = list[str]
"""Paragraphs that followed one another in a chapter."""


@dataclass(frozen=True)
class Corpus:
    """The cleaned documents of a corpus folder, and what cleaning read and removed."""

    documents: tuple[tuple[Document, ...], ...]
    """The documents of each work."""
    paragraphs_read: int
    paragraphs_removed: int

    def __iter__(self) -> Iterator[Document]:
        """Iterate over the documents of all works in order."""
        return (document for work in self.documents for document in work)


def read_filter(path: Path) -> list[str]:
    """Return the lines of a filter file, without comments and blank lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def removed_words() -> re.Pattern[str]:
    """Return the expression that finds a word for which prepare removes a paragraph."""
    words = "|".join(read_filter(FILTER_FOLDER / "words.txt"))
    return re.compile(rf"\b({words})\b", re.IGNORECASE)


def clean_paragraph(paragraph: str) -> str:
    """Return `paragraph` without characters that are neither ASCII nor common in English text."""
    return OTHER_CHARACTERS.sub("", paragraph).strip()


def split_at_removed(paragraphs: Iterable[str], removed: re.Pattern[str]) -> list[Document]:
    """Return the runs of paragraphs between those that `removed` matches, which are left out.

    A chapter with n such paragraphs gives n + 1 runs, some perhaps empty.
    """
    documents: list[Document] = [[]]
    for paragraph in paragraphs:
        if removed.search(paragraph):
            documents.append([])
        else:
            documents[-1].append(paragraph)
    return documents


def read_corpus(folder: Path) -> Corpus:
    """Return the cleaned text of every .txt file in `folder`, in the order of their names.

    Works that filter/works.txt names are left out, and so are documents of 200 characters or fewer.
    Raises ValueError when `folder` does not exist or gives no document, or a file is not UTF-8.
    """
    if not folder.is_dir():
        raise ValueError(f"the corpus folder must exist, got {folder}")
    left_out = set(read_filter(FILTER_FOLDER / "works.txt"))
    removed = removed_words()
    works: list[tuple[Document, ...]] = []
    read = kept = 0
    for path in sorted(folder.glob("*.txt")):
        if path.stem in left_out:
            continue
        documents: list[Document] = []
        try:
            chapters = path.read_text(encoding="utf-8").split(CHAPTER_SEPARATOR)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} must be text in UTF-8, got {error}") from error
        for chapter in chapters:
            paragraphs = [text for line in chapter.split("\n") if (text := clean_paragraph(line))]
            runs = split_at_removed(paragraphs, removed)
            documents += runs
            read += len(paragraphs)
            kept += sum(map(len, runs))
        long_enough = (d for d in documents if sum(map(len, d)) > MIN_DOCUMENT_CHARACTERS)
        works.append(tuple(long_enough))
    if not any(works):
        raise ValueError(
            f"the corpus folder must hold .txt files with documents of more than "
            f"{MIN_DOCUMENT_CHARACTERS} characters, found none in {folder}"
        )
    return Corpus(tuple(works), paragraphs_read=read, paragraphs_removed=read - kept)


def train_tokenizer(documents: Iterable[Document], vocab_size: int) -> Tokenizer:
    """Return a byte-level BPE tokenizer of `vocab_size` tokens whose id 0 is <|endoftext|>.

    Raises ValueError when `vocab_size` is outside 257..65536 (the bytes and <|endoftext|> need
    257 ids, and ids are stored in 16 bits) or when the corpus is too small to give that many.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if not len(alphabet) < vocab_size <= 2**16:
        raise ValueError(f"vocab_size must be in {len(alphabet) + 1}..{2**16}, got {vocab_size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(("\n".join(document) for document in documents), trainer)
    if (size := tokenizer.get_vocab_size()) < vocab_size:
        raise ValueError(f"vocab_size must be at most {size} for this corpus, got {vocab_size}")
    return tokenizer


def split_passages(
    documents: Iterable[Document], tokenizer: Tokenizer, rng: random.Random
) -> list[list[int]]:
    """Return the documents' token ids, cut at paragraph ends into passages of 20 to 480 tokens.

    A paragraph that is longer than that by itself stays whole.
    """
    newline = tokenizer.encode("\n").ids
    passages: list[list[int]] = []
    for document in documents:
        passage: list[int] = []
        target = rng.randint(*PASSAGE_TOKENS)
        for encoding in tokenizer.encode_batch(document):
            if passage and len(passage) + len(encoding.ids) > MAX_PASSAGE_TOKENS:
                passages.append(passage)
                passage, target = [], rng.randint(*PASSAGE_TOKENS)
            passage = passage + (newline if passage else []) + encoding.ids
            if len(passage) >= target:
                passages.append(passage)
                passage, target = [], rng.randint(*PASSAGE_TOKENS)
        if len(passage) >= MIN_PASSAGE_TOKENS:
            passages.append(passage)
    return passages


def pack(passages: Iterable[list[int]], end_of_text: int) -> UInt16[np.ndarray, " tokens"]:
    """Return the passages one after another, `end_of_text` before each and after the last."""
    ids = [token for passage in passages for token in (end_of_text, *passage)]
    return np.array([*ids, end_of_text], dtype=np.uint16)


def prepare(corpus_folder: Path, data_folder: Path, vocab_size: int = 8192, seed: int = 0) -> str:
    """Write tokenizer.json, train.npy and held_out.npy to `data_folder`; return a summary.

    Raises ValueError when the corpus is missing, empty, or too small for `vocab_size` or for
    holding out one passage in 50.
    """
    corpus = read_corpus(corpus_folder)
    tokenizer = train_tokenizer(corpus, vocab_size)
    rng = random.Random(seed)
    passages = split_passages(corpus, tokenizer, rng)
    rng.shuffle(passages)
    held_out_passages = len(passages) // HELD_OUT_SHARE
    if held_out_passages == 0:
        raise ValueError(
            f"the corpus must give at least {HELD_OUT_SHARE} passages, got {len(passages)}"
        )
    (end_of_text,) = tokenizer.encode(END_OF_TEXT).ids
    held_out = pack(passages[:held_out_passages], end_of_text)
    train = pack(passages[held_out_passages:], end_of_text)

    data_folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(data_folder / "tokenizer.json"))
    np.save(data_folder / "train.npy", train)
    np.save(data_folder / "held_out.npy", held_out)
    return (
        f"{len(corpus.documents)} works; removed {corpus.paragraphs_removed:,} of "
        f"{corpus.paragraphs_read:,} paragraphs; {len(passages):,} passages; "
        f"{len(train):,} training and {len(held_out):,} held-out tokens"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the data and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path, help="folder of text files, one work each")
    parser.add_argument("data", type=Path, help="folder for the results; made if missing")
    parser.add_argument(
        "--vocab-size", type=int, default=8192, help="tokens in the vocabulary (default: 8192)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of passage lengths and order (default: 0)"
    )
    options = parser.parse_args(arguments)
    try:
        print(prepare(options.corpus, options.data, options.vocab_size, options.seed))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
