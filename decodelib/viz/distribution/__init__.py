"""The distribution explorer: logits, processors and what is left to draw from."""
