"""Radio galaxies drawn from a physical description of both Fanaroff-Riley classes.

The description is based on Fanaroff & Riley 1974 (the classes), Laing & Bridle 2002, 2014 (jets of
FRI sources that flare, slow down and fade), Scheuer 1974 and Leahy & Williams 1984 (hot spots and
the lobes that flow back from them). Sizes, redshifts and the shares of classes follow MiraBest's
training images (Porter & Scaife 2023), by their deciles.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from keras_astroattn.datasets.classes import SOURCE_CLASSES
from keras_astroattn.errors import InputError
from keras_astroattn.images import FIELD_SIZE, PIXEL_SCALE

from .source import FR_DIVIDE, Components, SourceModel, gaussians, join, ratio_of

FR_MARGIN = 0.05
"""Least distance of the ratio of a drawn source from `FR_DIVIDE`."""

SPECTRAL_INDEX = 0.6
"""alpha of S ~ frequency^-alpha, for Doppler boosting."""

NEIGHBOURS_PER_FIELD = 14.0
"""Mean number of unrelated sources above `NEIGHBOUR_FLUX` in a 300 x 300 field at 1.8"."""

NEIGHBOUR_FLUX = 0.25e-3
"""Flux density above which neighbours are counted, Jy: a third of FIRST's detection limit."""

# Deciles (0 to 100 %) of MiraBest's training images, by class: FRI, FRII.
_SIZE_DECILES = (
    (10.6, 25.2, 33.1, 38.1, 47.0, 56.8, 71.2, 87.2, 110.1, 145.4, 268.1),
    (5.9, 10.0, 12.7, 17.2, 22.7, 29.4, 37.7, 50.9, 75.9, 115.6, 269.4),
)
_REDSHIFT_DECILES = (
    (0.032, 0.077, 0.101, 0.125, 0.147, 0.168, 0.192, 0.218, 0.261, 0.334, 0.502),
    (0.043, 0.106, 0.134, 0.163, 0.190, 0.220, 0.250, 0.292, 0.341, 0.398, 0.534),
)
_SIZE_REDSHIFT_CORRELATION = -0.3
# MiraBest's sizes connect the outermost fitted components; the emission extends further.
_SIZE_STRETCH = 1.08
_SIZE_OFFSET = 2.0
# Total flux density: MiraBest's parent sample ends at 40 mJy at 1.4 GHz (Best & Heckman 2012). The
# slopes are those of the cumulative counts N(> S) that reproduce MiraBest's peaks.
_FAINTEST_TOTAL = 0.040
_COUNT_SLOPE = (1.35, 0.85)
# Shares of MiraBest's morphologies within each class, and of uncertain classifications.
_WIDE_ANGLE_TAIL_SHARE = 0.09
_HEAD_TAIL_SHARE = 0.02
_DOUBLE_DOUBLE_SHARE = 0.01
_UNCERTAIN_SHARE = (0.33, 0.31)
_FRI_SHARE = 0.484


def generator(seed: int, index: int, purpose: int = 0) -> np.random.Generator:
    """Return the random generator of source `index` of `seed` for one purpose.

    Purposes are 0 the source, 1 its field (noise and pointing), 2 its place on the sky. So the
    same source can be observed again with another telescope.

    Args:
        seed: seed of the set, 0 or more.
        index: index of the source in the set, 0 or more.
        purpose: purpose of the random numbers.

    Raises:
        InputError: The seed or index is negative.
    """
    if seed < 0 or index < 0:
        raise InputError(
            f"simulated source: seed {seed} and index {index} must not be negative; give 0 or more"
        )
    sequence = np.random.SeedSequence(seed, spawn_key=(index, purpose))
    return np.random.Generator(np.random.PCG64(sequence))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number between `low` and `high`, both above 0, uniformly in its logarithm."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def draw_source(seed: int, index: int, label: int | None = None) -> SourceModel:
    """Draw source `index` of `seed`: a radio galaxy with its neighbours.

    Args:
        seed: seed of the whole set, 0 or more.
        index: index of the source in the set, 0 or more.
        label: 0 FRI, 1 FRII, 2 hybrid; None draws FRI or FRII in MiraBest's proportion.

    Returns:
        The source. Its class is known by construction: `fanaroff_riley_ratio` is at most
        FR_DIVIDE - FR_MARGIN for an FRI, at least FR_DIVIDE + FR_MARGIN for an FRII;
        a hybrid has one arm of each kind.

    Raises:
        InputError: The seed or index is negative, or the label is not one of these.
    """
    rng = generator(seed, index)
    drawn = 0 if rng.random() < _FRI_SHARE else 1
    label = drawn if label is None else label
    if label not in (0, 1, 2):
        raise InputError(
            f"simulated source: label {label} is none of 0 (FRI), 1 (FRII), 2 (hybrid)"
        )
    like = label if label < 2 else drawn
    confident = bool(rng.random() >= _UNCERTAIN_SHARE[like])
    morphology = _draw_morphology(rng, label, confident)
    size, redshift = _draw_size_and_redshift(rng, like)
    if morphology == "double-double":
        size = max(size, 60.0)  # the inner pair must be resolved
    inclination = math.degrees(math.acos(rng.uniform(0.0, 0.9)))
    flux = _FAINTEST_TOTAL * (1 - rng.random()) ** (-1 / _COUNT_SLOPE[like])
    flux *= rng.uniform(0.6, 1.1)  # share observed by an interferometer without short spacings
    if not confident:
        flux *= 0.7
    galaxy = _Galaxy(label, morphology, confident, size, inclination)
    while True:
        components = _draw_components(rng, galaxy)
        if _shows_its_class(components, label):
            break
    return SourceModel(
        label=label,
        morphology=morphology,
        confident=confident,
        class_index=_class_index(label, confident, morphology),
        redshift=redshift,
        angular_size=size,
        inclination=inclination,
        components=replace(components, flux=components.flux * flux / components.flux.sum()),
        neighbours=draw_neighbours(rng),
    )


def point_source(flux: float, neighbours: Components | None = None) -> SourceModel:
    """Return an unresolved source at the centre of its field.

    Args:
        flux: flux density, Jy; equal to the peak in Jy/beam, signal-to-noise times noise.
        neighbours: other sources in the field; none by default.

    Returns:
        The source.
    """
    core = gaussians("core", 0, [flux], [0.0], [0.0], [0.0])
    return SourceModel(
        label=-1,
        morphology="point",
        confident=True,
        class_index=-1,
        redshift=math.nan,
        angular_size=0.0,
        inclination=math.nan,
        components=core,
        neighbours=gaussians("neighbour", 0, [], [], [], []) if neighbours is None else neighbours,
    )


def _class_index(label: int, confident: bool, morphology: str) -> int:
    return next(
        index
        for index, known in enumerate(SOURCE_CLASSES)
        if (known.label, known.confident, known.morphology) == (label, confident, morphology)
    )


def _draw_morphology(rng: np.random.Generator, label: int, confident: bool) -> str:
    chance = rng.random()
    if label == 0 and chance < _WIDE_ANGLE_TAIL_SHARE:
        return "wide-angle tail"
    if label == 0 and confident and chance < _WIDE_ANGLE_TAIL_SHARE + _HEAD_TAIL_SHARE:
        return "head-tail"
    if label == 1 and confident and chance < _DOUBLE_DOUBLE_SHARE:
        return "double-double"
    return "standard"


def _draw_size_and_redshift(rng: np.random.Generator, label: int) -> tuple[float, float]:
    """Draw angular size (arcsec) and redshift from MiraBest's deciles, correlated as there."""
    first, second = rng.standard_normal(2)
    rho = _SIZE_REDSHIFT_CORRELATION
    second = rho * first + math.sqrt(1 - rho * rho) * second
    cumulative = [0.5 * (1 + math.erf(v / math.sqrt(2))) for v in (first, second)]
    knots = np.linspace(0, 1, 11)
    size = math.exp(np.interp(cumulative[0], knots, np.log(_SIZE_DECILES[label])))
    return size, float(np.interp(cumulative[1], knots, _REDSHIFT_DECILES[label]))


@dataclass(frozen=True)
class _Galaxy:
    """Properties of a radio galaxy that are drawn first; its components depend on them."""

    label: int
    morphology: str
    confident: bool
    size: float  # arcsec
    inclination: float  # degrees


def _draw_components(rng: np.random.Generator, galaxy: _Galaxy) -> Components:
    """Return core and two arms in relative flux, on the sky at a random position angle."""
    kinds: tuple[Callable, Callable] = {
        0: (_fading_arm, _fading_arm),
        1: (_edge_brightened_arm, _edge_brightened_arm),
        2: (_fading_arm, _edge_brightened_arm),
    }[galaxy.label]
    if galaxy.label == 2 and rng.random() < 0.5:
        kinds = kinds[::-1]
    lengths = _arm_lengths(
        rng, galaxy.label, _SIZE_STRETCH * galaxy.size + _SIZE_OFFSET, galaxy.inclination
    )
    bends = _bends(rng, galaxy.label, galaxy.morphology)
    character = _Character.draw(rng, galaxy)
    axis = rng.uniform(0, 2 * math.pi)
    arms = [
        _place(kind(rng, character, side), side, length, axis, bend)
        for kind, length, side, bend in zip(kinds, lengths, (1, -1), bends, strict=True)
    ]
    share = character.core_share
    core = gaussians("core", 0, [share / (1 - share)], [0.0], [0.0], [0.0])
    total = sum(arm.flux.sum() for arm in arms)
    arms = [replace(arm, flux=arm.flux / total) for arm in arms]
    if galaxy.morphology == "double-double":
        arms += [_inner_pair(rng, arm) for arm in arms]
    return join(core, *arms)


def _shows_its_class(components: Components, label: int) -> bool:
    """Return whether the drawn brightness is on the side of the divide of the source's class."""
    ratio = ratio_of(components, (1, -1))
    if label == 0:
        return ratio <= FR_DIVIDE - FR_MARGIN
    if label == 1:
        return ratio >= FR_DIVIDE + FR_MARGIN
    low, high = sorted(ratio_of(components, (side,)) for side in (1, -1))
    return low <= FR_DIVIDE - FR_MARGIN and high >= FR_DIVIDE + FR_MARGIN


@dataclass(frozen=True)
class _Character:
    """Common properties of the two arms of a source; lengths relative to an arm's."""

    core_share: float
    boost: float  # (1 + beta cos i) / (1 - beta cos i) to the power 2 + alpha, at the core
    slowing: float  # distance over which a fading jet loses its speed
    decay: float  # distance over which a fading jet fades
    plume: float  # share of an FRI arm's flux in its diffuse tail
    opening: float  # full width of a fading jet over its length
    knots: float  # scatter of brightness along the jet, natural log
    hot_spot: float  # share of an FRII arm's flux in its hot spot
    hot_spot_width: float
    lobe_width: float
    backflow: float  # how far a lobe reaches back to the core; 1 is all the way
    jet: float  # share of an FRII arm's flux in its jet before boosting
    unequal: float  # scatter of flux between arms, natural log
    wing: float  # sideways deflection of old back-flow, relative to the lobe's width

    @classmethod
    def draw(cls, rng: np.random.Generator, galaxy: _Galaxy) -> "_Character":
        """Draw the properties for a source of this class."""
        cosine = math.cos(math.radians(galaxy.inclination))
        beta = rng.uniform(0.3, 0.85)
        boost = ((1 + beta * cosine) / (1 - beta * cosine)) ** (2 + SPECTRAL_INDEX)
        tailed = galaxy.morphology in ("wide-angle tail", "head-tail")
        log_core = rng.normal(-1.6, 0.6) if galaxy.label == 0 else rng.normal(-2.0, 0.6)
        if galaxy.label == 1 and not galaxy.confident:
            log_core += 0.5
        return cls(
            core_share=min(10**log_core * boost**0.3, 0.75 if galaxy.label == 0 else 0.3),
            boost=boost,
            slowing=rng.uniform(0.05, 0.25),
            decay=10 ** rng.uniform(-0.5, 0.2) * (40 / galaxy.size) ** 0.9,
            plume=rng.uniform(0.3, 0.8) if tailed else rng.beta(1.2, 1.8),
            opening=10 ** rng.uniform(-0.7, 0.05) * (40 / galaxy.size) ** 0.5,
            knots=rng.uniform(0.2, 0.7),
            hot_spot=rng.uniform(0.04, 0.38) if galaxy.confident else rng.uniform(0.02, 0.3),
            hot_spot_width=10 ** rng.uniform(-0.8, -0.25),
            lobe_width=rng.uniform(0.3, 1.0) * (25 / galaxy.size) ** 0.4,
            backflow=rng.beta(2.5, 1.3),
            jet=10 ** rng.uniform(-3, -1.2),
            unequal=0.45 if galaxy.label == 0 else 0.35,
            wing=rng.exponential(0.5) if rng.random() < 0.25 else 0.0,
        )


def _arm_lengths(
    rng: np.random.Generator, label: int, size: float, inclination: float
) -> tuple[float, float]:
    """Draw the projected lengths of the approaching and the receding arm, arcsec.

    The environment makes arms unequal. In an FRII the light-travel time lengthens the
    approaching one, by (1 + beta cos i) / (1 - beta cos i) with beta of its hot spots.
    """
    ratio = math.exp(rng.normal(0, 0.35 if label == 0 else 0.22))
    if label == 1:
        beta = rng.uniform(0.01, 0.1)
        cosine = math.cos(math.radians(inclination))
        ratio *= (1 + beta * cosine) / (1 - beta * cosine)
    return size * ratio / (1 + ratio), size / (1 + ratio)


@dataclass(frozen=True)
class _Bend:
    """Direction of an arm along its length: total bend (rad) and its place."""

    bend: float
    sharpness: float
    ripple: float
    phase: float

    def direction(self, along: np.ndarray) -> np.ndarray:
        """Return the angle (rad) to the arm's first direction at a fraction `along` of it."""
        smooth = 1 - np.exp(-self.sharpness * along)
        smooth /= 1 - math.exp(-self.sharpness)
        return self.bend * smooth + self.ripple * along * np.sin(2 * math.pi * along + self.phase)


def _bends(rng: np.random.Generator, label: int, morphology: str) -> tuple[_Bend, _Bend]:
    """Draw the bends of both arms: C by ram pressure, S by precession, and ripples."""
    if morphology == "head-tail":
        swept, sharpness = rng.uniform(1.2, 1.5), rng.uniform(8, 20)
    elif morphology == "wide-angle tail":
        swept, sharpness = rng.uniform(0.6, 1.2), rng.uniform(1, 8)
    else:
        swept, sharpness = rng.normal(0, 0.45 if label == 0 else 0.06), rng.uniform(0.5, 5)
    precessed = rng.normal(0, 0.4 if label == 0 else 0.05)
    ripple = 0.5 if label == 0 else 0.03
    return tuple(
        _Bend(
            side * swept + precessed,
            sharpness,
            rng.normal(0, ripple),
            rng.uniform(0, 2 * math.pi),
        )
        for side in (1, -1)
    )


@dataclass(frozen=True)
class _Arm:
    """Gaussians along an arm before bending: positions in units of its length."""

    part: np.ndarray
    flux: np.ndarray
    along: np.ndarray
    across: np.ndarray
    fwhm: np.ndarray


def _fading_arm(rng: np.random.Generator, character: _Character, side: int) -> _Arm:
    """Return an FRI arm: a jet that flares, spreads, slows down and fades, then a diffuse tail.

    The jet's flux per unit length is (1 - exp(-(t / flare)^2)) exp(-t / decay), boosted by a
    speed that falls as exp(-t / slowing). Its width grows with t, so its surface brightness
    falls faster. The tail is wider, with evenly spread flux.
    """
    count = 34
    along = (np.arange(count) + rng.random(count)) / count
    width = 0.015 + character.opening * along
    flare, decay = rng.uniform(0.05, 0.6), character.decay * math.exp(rng.normal(0, 0.4))
    flux = (1 - np.exp(-((along / flare) ** 2))) * np.exp(-along / decay)
    beaming = character.boost ** (0.5 * side * np.exp(-along / character.slowing))
    beamed = (beaming * flux).sum() / flux.sum()
    flux *= beaming
    flux *= np.exp(character.knots * _correlated(rng, count))
    jet = (flux, along, rng.normal(0, 0.16, count) * width, width * rng.uniform(0.4, 0.8, count))

    count = 46
    reach = rng.uniform(0.8, 1.45)
    along = reach * rng.beta(1.4, 1.1, count)
    width = 0.05 + character.opening * (0.3 + 1.3 * along)
    flux = np.exp(1.1 * rng.standard_normal(count))
    tail = (flux, along, rng.normal(0, 0.3, count) * width, width * rng.uniform(0.35, 0.9, count))
    unequal = math.exp(character.unequal * rng.standard_normal())
    shares = (unequal * beamed * (1 - character.plume), unequal * character.plume)
    return _gather(("jet", "tail"), (jet, tail), shares)


def _edge_brightened_arm(rng: np.random.Generator, character: _Character, side: int) -> _Arm:
    """Return an FRII arm: a hot spot at the end, a lobe that flows back from it, a thin jet."""
    unequal = math.exp(character.unequal * rng.standard_normal())
    count = 3
    width = character.hot_spot_width
    along = np.concatenate([[1.0], 1.0 - np.abs(rng.normal(0, 0.05, count - 1))])
    across = np.concatenate([[0.0], rng.normal(0, 0.25 * character.lobe_width, count - 1)])
    flux = np.array([1.0, *rng.uniform(0, 0.5, count - 1)])
    hot = (flux, along, across, width * np.array([0.6, 1.2, 1.6]))

    count = 60
    # Old plasma lies furthest back; adiabatic and synchrotron losses dim it.
    back = rng.beta(1.0, 1.5, count) * character.backflow
    along = 1.0 - back
    width = character.lobe_width * np.sqrt(np.clip(0.12 + back, 0, 0.5) / 0.5)
    across = rng.uniform(-0.45, 0.45, count) * width
    across += character.wing * character.lobe_width * np.clip(back - 0.5, 0, None) * 2
    flux = np.exp(0.7 * rng.standard_normal(count))
    lobe = (flux, along, across, width * rng.uniform(0.35, 0.8, count))

    count = 10
    along = (np.arange(count) + rng.random(count)) / count
    flux = np.exp(0.8 * rng.standard_normal(count))
    jet = (flux, along, np.zeros(count), np.full(count, 0.02))
    beamed = character.jet * character.boost ** (0.5 * side)
    shares = np.array([character.hot_spot, 1 - character.hot_spot, beamed]) * unequal
    return _gather(("hot spot", "lobe", "jet"), (hot, lobe, jet), shares)


def _gather(parts: tuple[str, ...], pieces: tuple, shares: np.ndarray | tuple) -> _Arm:
    flux = [share * piece[0] / piece[0].sum() for share, piece in zip(shares, pieces, strict=True)]
    along, across, fwhm = (np.concatenate([piece[k] for piece in pieces]) for k in (1, 2, 3))
    part = np.repeat(parts, [len(piece[0]) for piece in pieces])
    return _Arm(part, np.concatenate(flux), along, across, fwhm)


def _place(arm: _Arm, side: int, length: float, axis: float, bend: _Bend) -> Components:
    """Bend an arm, scale it to its length in arcsec and rotate it to its position angle."""
    grid = np.linspace(0, 1.5, 61)
    direction = bend.direction(grid)
    step = grid[1]
    path = [
        np.concatenate([[0.0], np.cumsum(0.5 * step * (f[1:] + f[:-1]))])
        for f in (np.cos(direction), np.sin(direction))
    ]
    along = np.clip(arm.along, 0, 1.5)
    local = np.interp(along, grid, direction)
    x = np.interp(along, grid, path[0]) - arm.across * np.sin(local)
    y = np.interp(along, grid, path[1]) + arm.across * np.cos(local)
    bearing = axis if side > 0 else axis + math.pi
    cosine, sine = math.cos(bearing), math.sin(bearing)
    return Components(
        part=arm.part,
        arm=np.full(len(arm.flux), side),
        flux=arm.flux,
        east=length * (x * cosine - y * sine),
        north=length * (x * sine + y * cosine),
        fwhm=length * arm.fwhm,
    )


def _inner_pair(rng: np.random.Generator, arm: Components) -> Components:
    """Return a smaller copy of an arm without its old back-flow: a restarted source."""
    young = arm.select(arm.part == "hot spot")
    shrink, share = rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.5)
    return replace(
        young,
        flux=share * arm.flux.sum() * young.flux / young.flux.sum(),
        east=shrink * young.east,
        north=shrink * young.north,
        fwhm=shrink * young.fwhm,
    )


def _correlated(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return unit normal numbers, each correlated with its neighbours, as in knots of a jet."""
    white = rng.standard_normal(count + 2)
    return (white[:-2] + 2 * white[1:-1] + white[2:]) / math.sqrt(6)


def draw_neighbours(
    rng: np.random.Generator,
    mean: float = NEIGHBOURS_PER_FIELD,
    width: float = FIELD_SIZE * PIXEL_SCALE,
) -> Components:
    """Draw unrelated sources of a field: N(> S) ~ S^-1.1, three in ten of them double.

    Args:
        rng: random generator.
        mean: mean number of sources above `NEIGHBOUR_FLUX`.
        width: width of the field, arcsec.
    """
    half = 0.5 * width
    found = []
    for _ in range(rng.poisson(mean)):
        flux = min(NEIGHBOUR_FLUX * (1 - rng.random()) ** (-1 / 1.1), 0.3)
        east, north = rng.uniform(-half, half, 2)
        fwhm = math.exp(rng.normal(1.1, 0.6))
        double = rng.random() < 0.3
        apart = math.exp(rng.normal(2.3, 0.6)) if double else 0.0
        angle, share = rng.uniform(0, 2 * math.pi), rng.uniform(0.25, 0.75)
        for part_of, sign in ((share, 0.5), (1 - share, -0.5)):
            found.append(
                (
                    part_of * flux,
                    east + sign * apart * math.cos(angle),
                    north + sign * apart * math.sin(angle),
                    fwhm,
                )
            )
    columns = np.array(found, np.float64).reshape(-1, 4).T
    return gaussians("neighbour", 0, *columns)
