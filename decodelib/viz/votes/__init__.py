"""Many texts as one tree, and the votes of their answers."""
