"""The entropy map: entropy and varentropy along a text."""
