"""The beam explorer: the tree that a beam search grows."""
