"""The reader's own prompt in a kernel: what the form asks, and the explorer that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from decodelib.arguments import check_integer, check_text

TITLE = "Your own prompt"


class Field(NamedTuple):
    """A whole number beside the prompt: its label, where it starts, and its range."""

    label: str
    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Form:
    """What an explorer asks for to be made again for another prompt.

    Attributes:
        make: `make(prompt, **numbers)` returns the explorer for that prompt.
        prompt: What the text field begins with.
        fields: A number for each name that `make` takes besides the prompt.
        label: The name of the text field.
    """

    make: Callable[..., Any]
    prompt: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    label: str = TITLE

    def as_json(self) -> dict[str, Any]:
        """Return what the page shows of the form."""
        fields = {name: one._asdict() for name, one in self.fields.items()}
        return {"label": self.label, "prompt": self.prompt, "fields": fields}

    def fill(self, prompt: object, numbers: Mapping[str, Any]) -> Any:
        """Return the explorer for a prompt; numbers that are not given are where they start.

        Raises:
            ValueError: For an empty prompt, a number out of range, and as `make` does.
            TypeError: For a prompt that is no text, and for the name of no field.
        """
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be text, got {prompt!r}")
        if not prompt.strip():
            raise ValueError(f"prompt must hold some text, got {prompt!r}")
        check_text("prompt", prompt)
        if unknown := sorted(set(numbers) - set(self.fields)):
            raise TypeError(f"numbers must be among {', '.join(self.fields)}, got {unknown[0]}")
        given = {name: one.value for name, one in self.fields.items()} | dict(numbers)
        for name, value in given.items():
            check_integer(name, value, self.fields[name].low, self.fields[name].high)
        return self.make(prompt, **given)


def sentence(error: Exception) -> str:
    """Return the first line of an error's message with a capital letter and a full stop."""
    lines = str(error).strip().removeprefix("--").splitlines()  # the command line's mark of a knob
    first = lines[0] if lines else "Something went wrong"
    return first[0].upper() + first[1:] + ("" if first.endswith((".", "!", "?")) else ".")
