"""The notebooks: what is kept in them, and each of them run with few repeats."""

import json
import re

import pytest

from keras_astroattn.edge import Classifier
from keras_astroattn.images import read_fits
from keras_astroattn.plots import attention_figure
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.samples import sample_paths
from notebooks.execute import FOLDER, NAMES, SURVEY_IMAGES, executed

PROPOSED = "0709Exp1-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05"
EPOCHS = (0, 4, 26)
"""Of the proposed network, of the 15 that are kept; the last is what is evaluated."""

WHOLE = (
    "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05",
    "0709Exp1-range_norm-FRDEEPAdam-AGRadGalNetft-5e-05",
    "0709Exp2-softmax-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05",
    "0709Exp2-sigmoid-MiraBestNOHYBRIDAdam-AGRadGalNetconcat-5e-05",
    "0719Exp30-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05",
    "0724Exp31-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-1e-05",
)
"""Enough of the other networks for every experiment to have what it shows."""

EXPERIMENTS = [name for name in NAMES if name.startswith("experiment")]


def outputs(book):
    return [one for cell in book.cells if cell.cell_type == "code" for one in cell.outputs]


def pictures(book):
    return [one for one in outputs(book) if "image/png" in one.get("data", {})]


def text(book):
    """All that is printed or shown as text."""
    return "\n".join(
        one.get("text", "") + one.get("data", {}).get("text/markdown", "") for one in outputs(book)
    )


def notes(book):
    """What a cell wrote to the standard error: logs, warnings, progress bars."""
    return [one for one in outputs(book) if one.get("name") == "stderr"]


# --- As they are kept ----------------------------------------------------------------------


def test_every_notebook_is_known():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_with_its_figures_and_without_noise(name):
    path = FOLDER / f"{name}.ipynb"
    content = path.read_text(encoding="utf-8")
    assert len(content.encode()) < 1.5e6
    book = json.loads(content)
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kept = [one for cell in cells for one in cell["outputs"]]
    assert sum("image/png" in one.get("data", {}) for one in kept) >= 1
    for cell in cells:
        if SURVEY_IMAGES in cell["metadata"].get("tags", ()):
            assert not any("image/png" in one.get("data", {}) for one in cell["outputs"])
    assert {one["output_type"] for one in kept} <= {"stream", "display_data", "execute_result"}
    assert all(one.get("name") != "stderr" for one in kept)
    # No path of the machine that it was run on.
    text = json.dumps([{**one, "data": {**one.get("data", {}), "image/png": ""}} for one in kept])
    assert not re.search(r"/(home|root|tmp|work|Users|opt)/", text)


def test_the_quickstart_explains_a_source(votes_path):
    book = json.loads((FOLDER / "quickstart.ipynb").read_text(encoding="utf-8"))
    (cell,) = (one for one in book["cells"] if one["id"] == "quickstart-explained")
    shown = []
    names = {
        "quiet_native_logs": quiet_native_logs,
        "Classifier": lambda: Classifier(votes_path),
        "read_fits": read_fits,
        "sample_paths": sample_paths,
        "attention_figure": attention_figure,
        "display": lambda *objects: shown.extend(objects),
    }
    exec("".join(cell["source"]), names)
    explanation, figure = shown
    assert "<table>" in explanation._repr_html_()
    (evidence,) = (axes for axes in figure.axes if axes.get_title() == "evidence")
    assert evidence.images[0].get_array().any()


# --- Run -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment(tmp_path_factory, small_cache):
    """Variables under which a notebook takes little time; the results are shared."""
    folder = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_ASTROATTN_OUTPUT", str(folder / "results"))
        patch.setenv("KERAS_ASTROATTN_REPEATS", "1")
        patch.setenv("KERAS_ASTROATTN_EPOCHS", "1")
        patch.delenv("KERAS_ASTROATTN_DATA", raising=False)
        patch.delenv("KERAS_ASTROATTN_PUBLISHED", raising=False)
        patch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
        yield patch


@pytest.fixture(scope="module")
def with_data(environment, data_dir, published_dir, tmp_path_factory):
    """The same with MiraBest, FR-DEEP, and a few of the published networks."""
    few = tmp_path_factory.mktemp("published")
    (few / "losses").symlink_to(published_dir / "losses")
    (few / "checkpoints" / PROPOSED).mkdir(parents=True)
    for epoch in EPOCHS:
        name = f"checkpoints/{PROPOSED}/{epoch}.pt"
        (few / name).symlink_to(published_dir / name)
    for name in WHOLE:
        (few / "checkpoints" / name).symlink_to(published_dir / "checkpoints" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_ASTROATTN_DATA", str(data_dir))
        patch.setenv("KERAS_ASTROATTN_PUBLISHED", str(few))
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", "train_models"])
def test_it_runs_without_any_data(name, environment):
    book = executed(name)
    assert len(pictures(book)) >= 2
    assert not notes(book)
    if name == "quickstart":
        assert "MiraBest is not at hand" in text(book)
        assert "| clean |" in text(book)


@pytest.mark.slow
def test_an_experiment_without_data_says_so_and_ends_well(environment):
    book = executed("experiment3")
    assert "Not run" in text(book)
    assert "KERAS_ASTROATTN_PUBLISHED" in text(book)
    assert not pictures(book)
    assert not notes(book)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", *EXPERIMENTS])
def test_it_runs_on_the_real_data(name, with_data):
    book = executed(name)
    assert "Not run" not in text(book)
    assert not notes(book)
    shown = sum("results.figure(" in cell.source for cell in book.cells)
    assert len(pictures(book)) >= max(shown, 2)
    if name == "quickstart":
        assert "104 sources, 49 FRI and 55 FRII" in text(book)
    if name == "experiment1":
        # facts of the published MiraBest* network: 95.2 % one by one, in one clean pass
        assert re.search(r"\| MiraBest\* \| clean, per image \| 0\.952 \|", text(book))
    if name == "experiment5":
        assert re.search(r"\| 138 \|.*\| yes \|", text(book))
