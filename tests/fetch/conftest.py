"""A server on this machine, and downloads that do not wait for it."""

import pytest
from support.survey_server import SurveyServer

from keras_astroattn.fetch.download import Downloads


@pytest.fixture
def server():
    with SurveyServer() as running:
        yield running


@pytest.fixture
def downloads():
    made = Downloads(rate=1e4, first_wait=0.01, timeout=5.0)
    yield made
    made.close()
