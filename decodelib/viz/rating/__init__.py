"""Pairs of texts that a reader judges before any number is shown, and the judgements of a class."""
