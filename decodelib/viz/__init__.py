"""Figures and explorers for notebooks. The rest of decodelib never imports this package."""

from decodelib.viz.beams.explorer import BeamExplorer, explore_beams
from decodelib.viz.chain.explorer import ChainExplorer, explore_chain
from decodelib.viz.distribution.explorer import DistributionExplorer, explore_distribution
from decodelib.viz.distribution.steps import Distribution
from decodelib.viz.entropy.explorer import EntropyMap, explore_entropy
from decodelib.viz.figures import plots
from decodelib.viz.live.playground import Playground, playground
from decodelib.viz.player.explorer import GenerationPlayer, explore_generation
from decodelib.viz.race.explorer import RaceExplorer, explore_race
from decodelib.viz.rating.explorer import RatingExplorer, explore_rating
from decodelib.viz.rules.mass import MassStrip, explore_mass
from decodelib.viz.rules.watermark import WatermarkEditor, explore_watermark
from decodelib.viz.votes.explorer import VoteExplorer, explore_votes

__all__ = [
    "BeamExplorer",
    "ChainExplorer",
    "Distribution",
    "DistributionExplorer",
    "EntropyMap",
    "GenerationPlayer",
    "MassStrip",
    "Playground",
    "RaceExplorer",
    "RatingExplorer",
    "VoteExplorer",
    "WatermarkEditor",
    "explore_beams",
    "explore_chain",
    "explore_distribution",
    "explore_entropy",
    "explore_generation",
    "explore_mass",
    "explore_race",
    "explore_rating",
    "explore_votes",
    "explore_watermark",
    "playground",
    "plots",
]
