"""Simulation of radio galaxies, from a physical description to images; no TensorFlow.

`source` describes a source on the sky, `radio_galaxies` draws sources of each class,
`telescope` observes them as a survey does, `many_beams` with a beam of any width, `population`
makes images like MiraBest's, and `survey` makes the tiles and the catalogue of a survey.
"""

from .population import (
    OBSERVATIONS,
    Observation,
    Simulation,
    simulate,
    simulate_field,
    simulate_point_sources,
)
from .radio_galaxies import draw_source, generator, log_uniform, point_source
from .source import Components, SourceModel, fanaroff_riley_ratio, scaled_flux, scaled_size
from .telescope import NOISE, NOISE_SCATTER, beam_area, draw_noise, observe, render

__all__ = [
    "NOISE",
    "NOISE_SCATTER",
    "OBSERVATIONS",
    "Components",
    "Observation",
    "Simulation",
    "SourceModel",
    "beam_area",
    "draw_noise",
    "draw_source",
    "fanaroff_riley_ratio",
    "generator",
    "log_uniform",
    "observe",
    "point_source",
    "render",
    "scaled_flux",
    "scaled_size",
    "simulate",
    "simulate_field",
    "simulate_point_sources",
]
