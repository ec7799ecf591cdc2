"""Figures and explorers for notebooks. The rest of decodelib never imports this package."""

from decodelib.viz import plots
from decodelib.viz.chain import Distribution
from decodelib.viz.distribution import DistributionExplorer, explore_distribution
from decodelib.viz.entropy_map import EntropyMap, explore_entropy
from decodelib.viz.player import GenerationPlayer, explore_generation
from decodelib.viz.race import RaceExplorer, explore_race

__all__ = [
    "Distribution",
    "DistributionExplorer",
    "EntropyMap",
    "GenerationPlayer",
    "RaceExplorer",
    "explore_distribution",
    "explore_entropy",
    "explore_generation",
    "explore_race",
    "plots",
]
