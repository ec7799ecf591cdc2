"""The command line: `decodelib "Once upon a time" --top-p 0.9`, or `python -m decodelib`."""

from decodelib.cli.command import main as main
