"""decodelib beside transformers on one machine, in one process, on the same weights."""
