"""The strategy race: many strategies on one prompt."""
