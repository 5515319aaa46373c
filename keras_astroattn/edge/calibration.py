"""`Calibration`: probabilities of a network, fitted to the labels of one survey."""

import hashlib
import json
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError

FORMAT = "keras-astroattn calibration 1"
"""Value of `format` in a calibration file."""

SMALLEST = 1e-6
"""Probabilities are limited to this distance from 0 and 1: a CSV file has six digits."""


@dataclass(frozen=True)
class Calibration:
    """A calibration of P(FRII) for one survey.

        ln p' / (1 - p') = (ln p / (1 - p)) / T + b

    p is the network's P(FRII).

    Attributes:
        model: name of the model as in the column `model`.
        temperature: T, above 0: a larger value makes the network less certain.
        shift: b: above 0, FRII are more frequent in the survey than the network expects.
        uncertain_below: if the larger probability is below this value, the label is
            `uncertain`; None: never.
        prior: expected share of FRI, if the calibration follows from it alone
            (`prior.prior_calibration`); the labels then follow the model's thresholds.
    """

    model: str
    temperature: float
    shift: float
    uncertain_below: float | None = None
    prior: float | None = None

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits of the values."""
        values = [self.model, self.temperature, self.shift, self.uncertain_below]
        values += [] if self.prior is None else [self.prior]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """Name of the calibrated model in the column `model`."""
        if self.prior is not None:
            return f"{self.model} (prior {self.prior:g})"
        return f"{self.model} (calibration {self.identity})"

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities.

        Args:
            probabilities: (n, 2) P(FRI) and P(FRII); NaN stays NaN.

        Returns:
            (n, 2), of the dtype of `probabilities`.
        """
        odds = log_odds(probabilities) / self.temperature + self.shift
        # The half is exact for both signs, and large odds do not overflow.
        frii = 0.5 * (1 + np.tanh(odds / 2))
        fri = 0.5 * (1 - np.tanh(odds / 2))
        return np.stack([fri, frii], axis=-1).astype(probabilities.dtype)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return ln P(FRII) / P(FRI), with probabilities limited to `SMALLEST` and 1 - `SMALLEST`.

    Args:
        probabilities: (n, 2) P(FRI) and P(FRII).

    Returns:
        (n,) float64, within 13.8 of 0.
    """
    limited = np.clip(np.asarray(probabilities, np.float64), SMALLEST, 1 - SMALLEST)
    odds = np.log(limited[..., 1]) - np.log(limited[..., 0])
    largest = math.log((1 - SMALLEST) / SMALLEST)
    return np.clip(odds, -largest, largest)


def read_calibration(path: str | os.PathLike) -> Calibration:
    """Read the file of `astroattn recalibrate`.

    Args:
        path: path of the JSON file.

    Returns:
        The calibration.

    Raises:
        InputError: The file cannot be read, or is no calibration.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"calibration {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{path} is no calibration: give a file of astroattn recalibrate")
    values = [found.get(name) for name in ("temperature", "shift", "uncertain_below")]
    numbers = values if values[2] is not None else values[:2]
    sound = (
        isinstance(found.get("model"), str)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers)
        and all(abs(value) <= sys.float_info.max for value in numbers)  # False for NaN too
        and values[0] > 0
    )
    if not sound:
        raise InputError(f"{path} is a calibration with wrong values: run recalibrate again")
    return Calibration(found["model"], *values)


@dataclass(frozen=True)
class ModelName:
    """The parts of a text of the column `model`.

    Attributes:
        model: name of the preset or file.
        tta: number of rotated views.
        calibration: identity of the calibration, or None.
        prior: expected share of FRI, or None.
    """

    model: str
    tta: int = 1
    calibration: str | None = None
    prior: float | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Return the parts of `NAME (tta N) (calibration ID)`; both brackets may be missing.

        The second bracket can be `(prior F)` instead.
        """
        found = re.fullmatch(
            r"(.*?)(?: \(tta (\d+)\))?"
            r"(?: \(calibration ([0-9a-f]{8})\)| \(prior (0?\.\d+|\d+(?:\.\d+)?e-\d+)\))?",
            text,
            re.DOTALL,
        )
        prior = None if found[4] is None else float(found[4])
        return cls(found[1], int(found[2] or 1), found[3], prior)
