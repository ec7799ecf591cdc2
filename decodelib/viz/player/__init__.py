"""The generation player: one text, step by step, with its branches."""
