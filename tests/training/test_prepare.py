"""Extracting books from their repositories, and preparing a corpus for training."""

import itertools
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer

TRAINING = Path(__file__).parents[2] / "training"
CHAPTER_SEPARATOR = "\n<|endoftext|>\n"


def run_git(folder: Path, *arguments: str) -> None:
    """Run git in `folder` with an author, whatever the machine's own settings."""
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True)


def test_extract_follows_the_spine_and_keeps_only_paragraphs(
    scripts: SimpleNamespace, tmp_path: Path
) -> None:
    book = tmp_path / "clones" / "a-writer_a-book"
    text = book / "src" / "epub" / "text"
    text.mkdir(parents=True)
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        "<body><h2>Heading</h2>{}</body></html>"
    )
    filler = "<p>" + "word " * 100 + "end.</p>"
    (text / "two.xhtml").write_text(
        page.format(
            filler + "<p>“Yes,”\n he\u00a0said—<i>twice</i>…"
            '<a epub:type="noteref" href="n">1</a> then left.</p><p>One<br/>\n two</p>'
        ),
        encoding="utf-8",
    )
    (text / "one.xhtml").write_text(page.format(filler), encoding="utf-8")
    (text / "short.xhtml").write_text(page.format("<p>Too short.</p>"), encoding="utf-8")
    (text / "imprint.xhtml").write_text(page.format(filler), encoding="utf-8")
    names = ("two", "one", "short", "imprint")
    package = [f'<item href="text/{n}.xhtml" id="{n}.xhtml"/>' for n in sorted(names)]
    package += [f'<itemref idref="{n}.xhtml"/>' for n in names]
    (book / "src" / "epub" / "content.opf").write_text("\n".join(package), encoding="utf-8")
    run_git(book, "init", "--quiet")
    run_git(book, "add", ".")
    run_git(book, "commit", "--quiet", "--message", "Add the book")

    assert scripts.extract.main([str(tmp_path / "clones"), str(tmp_path / "texts")]) == 0

    filler_text = "word " * 100 + "end."
    second = f'{filler_text}\n"Yes," he said - twice... then left.\nOne\n\ntwo'
    expected = second + CHAPTER_SEPARATOR + filler_text
    assert (tmp_path / "texts" / "a-writer_a-book.txt").read_text(encoding="utf-8") == expected


def test_prepare_of_the_same_corpus_gives_the_same_files(
    scripts: SimpleNamespace, corpus: Path, vocab_size: int, data: Path, tmp_path: Path
) -> None:
    scripts.prepare.prepare(corpus, tmp_path, vocab_size=vocab_size)
    for name in ("tokenizer.json", "train.npy", "held_out.npy"):
        assert (tmp_path / name).read_bytes() == (data / name).read_bytes()


def test_passages_hold_every_paragraph_once_and_one_in_fifty_is_held_out(
    corpus: Path, vocab_size: int, data: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
    found, passages = [], {}
    for name in ("train", "held_out"):
        ids = np.load(data / f"{name}.npy")
        assert ids[0] == ids[-1] == 0
        assert ids.max() < vocab_size
        ends = np.flatnonzero(ids == 0)
        pieces = [ids[a + 1 : b].tolist() for a, b in itertools.pairwise(ends)]
        assert all(20 <= len(piece) <= 481 for piece in pieces)
        passages[name] = len(pieces)
        found += [line for piece in pieces for line in tokenizer.decode(piece).split("\n")]
    written = [
        line
        for path in corpus.iterdir()
        for chapter in path.read_text(encoding="utf-8").split(CHAPTER_SEPARATOR)
        for line in chapter.split("\n")
    ]
    # What is left at the end of a chapter is dropped when it is under 20 tokens.
    missing = len(written) - len(found)
    assert 0 <= missing <= 8
    assert set(found) <= set(written)
    assert passages["held_out"] == sum(passages.values()) // 50


def test_paragraphs_with_removed_words_split_their_chapter(
    scripts: SimpleNamespace, tmp_path: Path
) -> None:
    word = scripts.prepare.read_filter(scripts.prepare.FILTER_FOLDER / "words.txt")[-1]
    bad = word.removesuffix(r"\w*").capitalize()
    before, after = "b" * 201, "a" * 201
    lines = [before, f"It was a {bad}!", after, f"It was an un{bad.lower()}."]
    (tmp_path / "work.txt").write_text("\n".join(lines), encoding="utf-8")
    left_out = scripts.prepare.read_filter(scripts.prepare.FILTER_FOLDER / "works.txt")[0]
    (tmp_path / f"{left_out}.txt").write_text("c" * 300, encoding="utf-8")

    corpus = scripts.prepare.read_corpus(tmp_path)

    assert list(corpus) == [[before], [after, lines[-1]]]
    assert (corpus.paragraphs_read, corpus.paragraphs_removed) == (4, 1)


def test_no_listed_book_is_one_that_prepare_leaves_out(scripts: SimpleNamespace) -> None:
    books = (TRAINING / "books.txt").read_text(encoding="utf-8").split()
    left_out = scripts.prepare.read_filter(scripts.prepare.FILTER_FOLDER / "works.txt")
    assert len(set(books)) == 83
    assert not set(books) & set(left_out)


@pytest.fixture(params=["missing", "empty", "latin", "small"])
def unusable(
    request: pytest.FixtureRequest, small_corpus: Path, tmp_path: Path
) -> tuple[Path, str]:
    """A corpus folder that prepare cannot use, and how the error begins."""
    empty = tmp_path / "empty"
    empty.mkdir()
    latin = tmp_path / "latin"
    latin.mkdir()
    (latin / "work.txt").write_bytes("café".encode("latin-1"))
    return {
        "missing": (tmp_path / "nowhere", "the corpus folder must exist, got "),
        "empty": (empty, "the corpus folder must hold .txt files with documents of more than 200 "),
        "latin": (latin, f"{latin / 'work.txt'} must be text in UTF-8, got 'utf-8' codec "),
        "small": (small_corpus, "the corpus must give at least 50 passages, got "),
    }[request.param]


def test_prepare_refuses_a_missing_empty_unreadable_or_small_corpus(
    scripts: SimpleNamespace,
    unusable: tuple[Path, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, message = unusable
    with pytest.raises(SystemExit) as stopped:
        scripts.prepare.main([str(folder), str(tmp_path / "data"), "--vocab-size", "300"])
    assert stopped.value.code == 2
    assert f"error: {message}" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_extract_refuses_a_folder_without_clones(
    scripts: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scripts.extract.main([str(tmp_path), str(tmp_path / "texts")])
    assert "error: the folder of clones must hold git clones, found none" in capsys.readouterr().err
    assert not (tmp_path / "texts").exists()


@pytest.mark.parametrize(
    ("too_few_or_many", "message"),
    [
        (256, r"vocab_size must be in 257\.\.65536, got 256"),
        (65537, r"vocab_size must be in 257\.\.65536, got 65537"),
        (5000, r"vocab_size must be at most \d+ for this corpus, got 5000"),
    ],
)
def test_prepare_refuses_a_vocabulary_that_cannot_be(
    scripts: SimpleNamespace, corpus: Path, tmp_path: Path, too_few_or_many: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        scripts.prepare.prepare(corpus, tmp_path / "data", vocab_size=too_few_or_many)
