"""Print the report: `python -m tests.conformance`."""

from .report import report

print(report(), end="")
