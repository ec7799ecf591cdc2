"""The decoding loop, what it asks of a strategy, and what it returns."""
