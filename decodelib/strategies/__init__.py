"""Strategies: whole decoding procedures, from greedy to speculative sampling."""
