"""Logits processors: each takes logits and returns new ones."""
