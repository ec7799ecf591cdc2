"""GPT-2's decoding step as a CUDA graph."""
