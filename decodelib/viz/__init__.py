"""Figures and explorers for notebooks. The rest of decodelib never imports this package."""

from decodelib.viz import plots
from decodelib.viz.beams import BeamExplorer, explore_beams
from decodelib.viz.chain import Distribution
from decodelib.viz.distribution import DistributionExplorer, explore_distribution
from decodelib.viz.entropy_map import EntropyMap, explore_entropy
from decodelib.viz.player import GenerationPlayer, explore_generation
from decodelib.viz.playground import Playground, playground
from decodelib.viz.race import RaceExplorer, explore_race

__all__ = [
    "BeamExplorer",
    "Distribution",
    "DistributionExplorer",
    "EntropyMap",
    "GenerationPlayer",
    "Playground",
    "RaceExplorer",
    "explore_beams",
    "explore_distribution",
    "explore_entropy",
    "explore_generation",
    "explore_race",
    "playground",
    "plots",
]
