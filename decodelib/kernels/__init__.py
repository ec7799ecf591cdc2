"""Speed: the same answers as the definitions, sooner. Nothing here says what a method is."""
