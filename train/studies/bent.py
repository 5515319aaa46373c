"""Measure out of fold how well bent sources (wide-angle and head tails) can be recognised.

`python -m train.studies.bent` fits logistic regressions to moments of the source's shape, and to
the vectors that a preset's network pools. Each confident source of MiraBest is predicted by the
regression that was fitted without its fold. The network was trained on these sources, but on their
FR class only.
"""

from pathlib import Path

import numpy as np
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets import load_sources
from keras_astroattn.evaluation import frame_regions
from keras_astroattn.evaluation.intervals import bootstrap_weights, percentile_interval
from keras_astroattn.files import write_text
from keras_astroattn.images import to_network_units
from keras_astroattn.presets import DEFAULT_PRESET
from keras_astroattn.report import markdown_table
from train.cross_validation import folds

BENT = ("wide-angle tail", "head-tail")
"""Morphologies of MiraBest that count as bent; all of them are FRIs."""

DRAWS = 1000
STRENGTHS = np.logspace(-4, 1, 6)
"""Inverse strengths of the regularization, of which inner folds choose one."""

_PIXEL_VARIANCE = 1 / 12  # of the place of light within a pixel
_CORE_RADIUS = 4.0  # pixels around the peak
_NO_SIDE = 0.25  # pixels: nearer to the core along the axis, a pixel belongs to no side

HEAD = ("features", "sources", "bent", "AUROC", "average precision")

app = new_app(
    name="python -m train.studies.bent",
    help=__doc__.splitlines()[0],
)


@app.default
def study(
    *,
    model: str = DEFAULT_PRESET,
    data_dir: Path | None = None,
    output: Path | None = None,
) -> None:
    """Print the area under the ROC curve of bent sources, by kind of features.

    Args:
        model: Name of the preset whose network pools features.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        output: Markdown file for the table.
    """
    sources = load_sources("mirabest-confident", "all", data_dir)
    shape = shape_moments(sources.image)
    pooled = pooled_features(model, sources.image)
    is_bent = np.isin(sources.morphology, BENT)
    groups = {
        "all": np.ones(len(sources), bool),
        "FRI": sources.label == 0,
        "FRI, wide-angle tails only": (sources.label == 0) & (sources.morphology != BENT[1]),
        "FRI, head tails only": (sources.label == 0) & (sources.morphology != BENT[0]),
    }
    rows = []
    for name, features in {
        "shape": shape,
        f"network ({model})": pooled,
        "both": np.concatenate([shape, pooled], axis=1),
    }.items():
        scores = out_of_fold_scores(features, is_bent, folds(sources.label))
        for group, chosen in groups.items():
            rows.append((name, group, *_measured(is_bent[chosen], scores[chosen])))
    table = markdown_table(HEAD, rows, text=2)
    Console(highlight=False, soft_wrap=True).print(table, markup=False)
    if output is not None:
        write_text(output, table)


def shape_moments(images: np.ndarray) -> np.ndarray:
    """Return numbers that describe the shape of each source, whatever its orientation.

    Positions are taken along the major axis (u) and the minor axis (v) of the source's pixels,
    weighted by their flux and, because tails are faint, again equally. For each weighting:
    axis ratio, |<u^3>|, |<v^3>|, |<u^2 v>| (the bend), <u^4>, |<u v^2>|, in units of the standard
    deviations. Then: angle between the sides as seen from the peak, less 180 degrees; ratio of
    their distances; distance of the peak from the centroid; size; covered area; mean over peak.

    Args:
        images: (n, h, w) uint8, black where there is no source.

    Returns:
        (n, 18) float64.
    """
    regions = frame_regions(images)["source"]
    return np.array([_moments(one, mask) for one, mask in zip(images, regions, strict=True)])


def _moments(image: np.ndarray, mask: np.ndarray) -> list[float]:
    y, x = np.nonzero(mask)
    flux = image[y, x].astype(float)
    found = []
    for weight in (np.ones(len(flux)), flux):
        u, v, along, across, w = _axes(x, y, weight)
        found += [
            across / along,
            abs(w @ u**3) / along**3,
            abs(w @ v**3) / across**3,
            abs(w @ (u * u * v)) / (along**2 * across),
            w @ u**4 / along**4,
            abs(w @ (u * v * v)) / (along * across**2),
        ]
    peak = flux == flux.max()
    near = np.hypot(u - u[peak].mean(), v - v[peak].mean()) < _CORE_RADIUS
    core = np.array([np.average(one[near], weights=flux[near]) for one in (u, v)])
    sides = [
        _centroid(u, v, flux, side) - core
        for side in (u < core[0] - _NO_SIDE, u > core[0] + _NO_SIDE)
    ]
    lengths = np.linalg.norm(sides, axis=1)
    shorter, longer = lengths.min(), max(lengths.max(), 1e-9)
    cosine = -(sides[0] @ sides[1]) / max(lengths[0] * lengths[1], 1e-9)
    bend = np.arccos(np.clip(cosine, -1, 1)) if shorter > 0 else 0.0
    return [
        *found,
        bend,
        shorter / longer,
        np.hypot(*core) / along,
        np.log(along),
        np.log(len(flux) / along**2),
        flux.mean() / flux.max(),
    ]


def _axes(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple:
    """Return places along the major and minor axis, both deviations, and weights of sum 1."""
    w = weight / weight.sum()
    places = np.stack([x - w @ x, y - w @ y])
    variances, axes = np.linalg.eigh((w * places) @ places.T + _PIXEL_VARIANCE * np.eye(2))
    v, u = axes.T @ places
    across, along = np.sqrt(variances)
    return u, v, along, across, w


def _centroid(u: np.ndarray, v: np.ndarray, flux: np.ndarray, side: np.ndarray) -> np.ndarray:
    total = flux[side].sum()
    return np.array([u[side] @ flux[side], v[side] @ flux[side]]) / max(total, 1e-9)


def pooled_features(model: str, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return the vectors that a preset's network pools for its logits, (n, channels).

    Args:
        model: name of the preset.
        images: (n, 150, 150) uint8, whole frames.
        batch_size: number of images in a batch.
    """
    import keras

    from keras_astroattn.models import from_preset, images_seen_by

    network = from_preset(model)
    pool = keras.Model(network.input, network.get_layer("logits").input)
    inputs = to_network_units(images_seen_by(network, images)[..., np.newaxis])
    found = pool.predict(inputs, batch_size=batch_size, verbose=0)
    return np.concatenate(found if isinstance(found, list) else [found], axis=1)


def out_of_fold_scores(
    features: np.ndarray, is_bent: np.ndarray, held_out: list[np.ndarray]
) -> np.ndarray:
    """Return the score of each source by the regression that was fitted without its fold.

    Args:
        features: (n, m).
        is_bent: (n,) bool.
        held_out: rows of each fold.

    Returns:
        (n,) float64, logit of the chance to be bent.
    """
    scores = np.empty(len(is_bent))
    for rows in held_out:
        rest = np.setdiff1d(np.arange(len(is_bent)), rows)
        model = GridSearchCV(
            make_pipeline(
                StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
            ),
            {"logisticregression__C": STRENGTHS},
            scoring="roc_auc",
        )
        scores[rows] = model.fit(features[rest], is_bent[rest]).decision_function(features[rows])
    return scores


def _measured(is_bent: np.ndarray, scores: np.ndarray) -> tuple[str, ...]:
    """Return the columns of one row: number of bent sources, AUROC and average precision."""
    weights = bootstrap_weights(is_bent, DRAWS, seed=0)
    columns = [str(np.count_nonzero(is_bent))]
    for measure in (roc_auc_score, average_precision_score):
        draws = [measure(is_bent, scores, sample_weight=one) for one in weights]
        low, high = percentile_interval(np.array(draws))
        columns.append(f"{measure(is_bent, scores):.3f} ({low:.3f} to {high:.3f})")
    return tuple(columns)


if __name__ == "__main__":
    raise SystemExit(run_app(app))
