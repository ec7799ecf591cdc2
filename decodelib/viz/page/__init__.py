"""The model that runs in the book's pages: which files it is made of, and what it needs packed."""
