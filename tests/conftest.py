"""Where the tests find the real data, and what their random weights begin with."""

import os
import random
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure():
    """Let tests send signals to processes, also where the tests themselves ignore signals."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started by nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """The same weights in every run: Keras draws the seeds that it is not given from `random`."""
    random.seed(0)


def _folder(*candidates: Path | None) -> Path | None:
    return next((path for path in candidates if path is not None and path.is_dir()), None)


def real_data() -> Path | None:
    """The folder with mirabest/, frdeep/ and fits/, if there is one."""
    named = os.environ.get("KERAS_ASTROATTN_DATA")
    return _folder(Path(named) if named else None, REPOSITORY.parent / "shared" / "data")


def published_weights() -> Path | None:
    """The folder with the paper's checkpoints, references and losses, if there is one."""
    named = os.environ.get("KERAS_ASTROATTN_PUBLISHED")
    return _folder(Path(named) if named else None, REPOSITORY.parent / "shared" / "published")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Read-only folder of the real data sets; the test is skipped without one."""
    folder = real_data()
    if folder is None:
        pytest.skip("no real data: set KERAS_ASTROATTN_DATA to a folder with mirabest/ and frdeep/")
    return folder


@pytest.fixture(scope="session")
def published_dir() -> Path:
    """Read-only folder of the paper's weights; the test is skipped without one."""
    folder = published_weights()
    if folder is None:
        pytest.skip("no published weights: set KERAS_ASTROATTN_PUBLISHED to their folder")
    return folder


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose simulated set has 20 and 8 sources (the real one takes a minute)."""
    from keras_astroattn.datasets import load_sources
    from keras_astroattn.datasets.simulated import Simulated

    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        config = Simulated.builder_configs["standard"]
        patch.setattr(config, "training_sources", 20)
        patch.setattr(config, "test_sources", 8)
        load_sources("simulated", "train", cache_dir=folder)
    return folder


@pytest.fixture(scope="session")
def untrained_source():
    """An untrained network to export (`export.export_source.ExportSource`)."""
    from support import tiny_model_file

    return tiny_model_file.untrained_source()


@pytest.fixture(scope="session")
def votes_path(tmp_path_factory) -> Path:
    """The .tflite file of a network that gives evidence."""
    from support import tiny_model_file

    path = tmp_path_factory.mktemp("votes") / "votes.tflite"
    tiny_model_file.write_model_file(tiny_model_file.untrained_votes(), path)
    return path


@pytest.fixture(scope="session")
def alone_path(votes_path) -> Path:
    """The .tflite file of that network as one that sees the source alone."""
    from export.metadata import with_metadata
    from keras_astroattn.edge.metadata import split_model_file

    metadata, network = split_model_file(votes_path.read_bytes(), votes_path)
    path = votes_path.with_name("alone.tflite")
    metadata |= {"format": 2, "source_alone": True}
    path.write_bytes(with_metadata(bytes(network), metadata))
    return path


@pytest.fixture(scope="session")
def model_path(untrained_source, tmp_path_factory) -> Path:
    """The .tflite file of that network; converting it takes seconds, so it is made once."""
    from support import tiny_model_file

    path = tmp_path_factory.mktemp("model") / "tiny.tflite"
    tiny_model_file.write_model_file(untrained_source, path)
    return path


@pytest.fixture
def no_samp_hub(tmp_path, monkeypatch) -> Path:
    """The lock file of a SAMP hub that does not run."""
    path = tmp_path / "samp.lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{path.as_uri()}")
    return path


@pytest.fixture
def samp_hub(no_samp_hub):
    """A SAMP hub; calling it connects a program that loads tables."""
    from support.samp_hub import running_hub

    with running_hub(no_samp_hub) as hub:
        yield hub
