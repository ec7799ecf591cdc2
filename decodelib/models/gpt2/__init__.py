"""GPT-2: its forward pass, weights, key-value cache, and looks inside."""
