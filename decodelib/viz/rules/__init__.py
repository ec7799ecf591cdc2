"""Explorers of rules: a constraint's feasible mass along a text, and a watermark under edits."""
