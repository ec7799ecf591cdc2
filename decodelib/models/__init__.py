"""Language models: what one is, the toy, GPT-2, those of transformers, and where they come from."""
