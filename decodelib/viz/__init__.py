"""Figures and explorers for notebooks. The rest of decodelib never imports this package."""

from decodelib.viz import plots
from decodelib.viz.distribution import Distribution, DistributionExplorer, explore_distribution

__all__ = ["Distribution", "DistributionExplorer", "explore_distribution", "plots"]
