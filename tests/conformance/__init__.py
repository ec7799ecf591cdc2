"""What each decoding system makes of the same adversarial rows, what is right, and why they differ.

`python -m tests.conformance` prints the report.
"""
