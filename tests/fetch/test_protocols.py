"""The request of each service."""

from pathlib import Path

import pytest
from support.survey_server import answer

from keras_astroattn.errors import InputError
from keras_astroattn.fetch.download import FetchError, NoCoverage
from keras_astroattn.fetch.protocols import find_cutout
from keras_astroattn.fetch.sources import Source
from keras_astroattn.fetch.surveys import SERVICES, SURVEYS, survey_named
from keras_astroattn.images.known_surveys import SURVEYS as KNOWN

REPOSITORY = Path(__file__).parents[2]
M87 = Source("M 87", 187.70593, 12.39112)


def test_first_is_asked_for_as_mirabest_was(downloads):
    # The fields of MiraBest: 300 pixels of 0.0005 degrees, "size = 0.15,0.15" in their HISTORY.
    _, query = find_cutout(SURVEYS["first"], "http://x", M87, 9.0, downloads)
    assert query["Survey"] == "VLA FIRST (1.4 GHz)"
    assert query["Pixels"] == "300,300"
    assert query["Size"] == "0.15,0.15"
    assert query["Position"] == "187.705930 12.391120"
    assert query["Projection"] == "Tan"


def test_hips2fits_gets_the_width_in_degrees(downloads):
    _, query = find_cutout(SURVEYS["racs"], "http://x", M87, 45.0, downloads)
    assert query["hips"] == "CSIRO/P/RACS/low/I"
    assert (query["width"], query["height"], query["fov"]) == (1080, 1080, "0.75")


def test_lotss_gets_a_position_with_a_space(downloads):
    # "RA DEC" with a space: the service answers a comma with a page.
    request = find_cutout(SURVEYS["lotss"], "http://x/", M87, 11.0, downloads)
    assert request == (
        "http://x/dr2-cutout.fits",
        {"pos": "187.705930 12.391120", "size": "11"},
    )


def test_vlass_is_found_by_sia2_and_datalink(server, downloads):
    url, query = find_cutout(SURVEYS["vlass"], f"{server.url}/sia", M87, 10.0, downloads)
    (asked,) = server.asked("/sia")
    assert asked["POS"].split()[:3] == ["CIRCLE", "187.70593", "12.39112"]
    assert asked["COLLECTION"] == "VLASS"
    # The latest of three epochs; of its files the map, not the noise; at once, not later.
    assert server.asked("/datalink") == [{"ID": "VLASS3.1"}]
    assert url == f"{server.url}/soda/sync"
    assert query["ID"].endswith("VLASS3.1.ql.T01t01.10.2048.v1.I.iter1.image.pbcor.tt0.subim.fits")
    assert query["CIRCLE"] == "187.705930 12.391120 0.083333"


def test_an_empty_answer_of_sia2_means_no_coverage(server, downloads):
    with pytest.raises(NoCoverage):
        find_cutout(SURVEYS["vlass"], f"{server.url}/sia", Source("", 10.0, -41.0), 10.0, downloads)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Sorry</html>", "not a VOTable: Sorry"),
        (
            b'<?xml version="1.0"?><VOTABLE version="1.3"><RESOURCE type="results"><INFO '
            b'name="QUERY_STATUS" value="ERROR">UsageFault: bad POS</INFO></RESOURCE></VOTABLE>',
            "UsageFault: bad POS",
        ),
        (b'<?xml version="1.0"?><VOTABLE><RESOURCE', "a broken VOTable"),
        (
            b'<VOTABLE><RESOURCE><TABLE><DATA><BINARY><STREAM href="file:///etc/hostname"/>'
            b"</BINARY></DATA></TABLE></RESOURCE></VOTABLE>",
            "a VOTable without its rows",
        ),
    ],
)
def test_an_error_of_sia2_is_reported(server, downloads, monkeypatch, body, message):
    monkeypatch.setattr("support.survey_server._sia", lambda handler, query: answer(handler, body))
    with pytest.raises(FetchError, match=message):
        find_cutout(SURVEYS["vlass"], f"{server.url}/sia", M87, 10.0, downloads)


def test_every_survey_has_a_service_and_known_beams():
    names = {one.name for one in KNOWN} | {None}
    for survey in SURVEYS.values():
        assert survey.service in SERVICES
        assert survey.known in names
        assert survey.one_beam is None or survey.paper


def test_an_unknown_survey_is_refused():
    with pytest.raises(InputError, match="--survey first2 is not known: give one of first, nvss"):
        survey_named("first2")


def test_the_guide_lists_every_survey():
    guide = (REPOSITORY / "docs" / "how-to" / "fetch-cutouts.md").read_text(encoding="utf-8")
    for name, survey in SURVEYS.items():
        service = SERVICES[survey.service].title
        assert f"| `{name}` | {survey.title} | {service} | {survey.size:g} |" in guide
