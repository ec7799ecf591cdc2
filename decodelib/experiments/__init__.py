"""Measuring decoded text: sweeps of settings, metrics, confidence intervals."""
