"""Marking submissions: each exercise of each in a process of its own, held against hidden probes.

`grade` reads the submissions, `workers` starts a process for each exercise and `runner` is that
process: it knows neither the solutions nor the seed, and answers one probe at a time.
"""
