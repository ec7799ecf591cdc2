"""GPT-2's tokenizer, as the tokenizers library has it."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from decodelib.models.files import first_line, is_file


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a folder, which neither cuts nor pads what it is given.

    It is read from tokenizer.json; without one, transformers makes it of vocab.json and merges.txt,
    or of what else it knows.

    Raises:
        ValueError: For files that are damaged.
        ImportError: If there is no tokenizer.json, and transformers is not installed.
    """
    path = folder / "tokenizer.json"
    if not is_file(path):
        from decodelib.models.hf_loading import load_tokenizer as by_transformers

        tokenizer: Tokenizer = by_transformers(folder).backend_tokenizer
    else:
        try:
            tokenizer = Tokenizer.from_file(str(path))
        # tokenizers raises nothing more specific, and where it panics no Exception at all.
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise ValueError(f"{path} is damaged ({first_line(error)}): get it again") from error
    # A file may have been saved with settings for training, under which prompts lose their ends.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
