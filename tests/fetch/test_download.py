"""Downloads: repeated after passing errors, limited in size, time and rate."""

import time

import pytest
from support.survey_server import cut_off, page, refused, shortened, silent

from keras_astroattn.fetch.download import (
    Downloads,
    FetchError,
    NoCoverage,
    Stopped,
    Unreachable,
    page_text,
)
from keras_astroattn.fetch.image import check_image

QUERY = {"pos": "180.0 30.0", "size": "3"}


def save(server, downloads, tmp_path):
    return downloads.save(f"{server.url}/dr2-cutout.fits", QUERY, tmp_path / "x.fits", check_image)


@pytest.mark.parametrize(
    "fault", [refused(503), refused(429, Retry_After="0"), cut_off, shortened, refused(500)]
)
def test_a_passing_error_is_tried_again(server, downloads, tmp_path, fault):
    server.faults = [fault, fault]
    url, _ = save(server, downloads, tmp_path)
    assert url == f"{server.url}/dr2-cutout.fits?pos=180.0+30.0&size=3"
    assert len(server.requests) == 3
    assert (tmp_path / "x.fits").stat().st_size % 2880 == 0


def test_a_service_in_trouble_is_asked_four_times(server, downloads, tmp_path):
    server.faults = [refused(503)] * 9
    with pytest.raises(Unreachable, match=r"127.0.0.1 answered 503 .*\(4 tries\)"):
        save(server, downloads, tmp_path)
    assert len(server.requests) == 4


def test_a_service_that_asks_for_a_long_wait_is_left_alone(server, downloads, tmp_path):
    server.faults = [refused(503, Retry_After="3600")]
    with pytest.raises(Unreachable, match="come back in 3600 s"):
        save(server, downloads, tmp_path)
    assert len(server.requests) == 1


def test_the_wait_that_a_service_asks_for_holds_for_all_threads(server, tmp_path):
    server.faults = [refused(503, Retry_After="1")]
    downloads = Downloads(rate=1e4, first_wait=60.0)
    begun = time.monotonic()
    save(server, downloads, tmp_path)
    assert time.monotonic() - begun >= 1.0


def test_a_silent_service_is_given_up(server, tmp_path):
    server.faults = [silent] * 2
    downloads = Downloads(rate=1e4, tries=2, first_wait=0.01, timeout=0.1)
    with pytest.raises(Unreachable, match=r"did not answer within 0.1 s \(2 tries\)"):
        save(server, downloads, tmp_path)


def test_a_port_where_nobody_listens_is_unreachable(tmp_path):
    downloads = Downloads(rate=1e4, tries=2, first_wait=0.01)
    with pytest.raises(Unreachable, match=r"127.0.0.1 cannot be reached"):
        downloads.save("http://127.0.0.1:9/", {}, tmp_path / "x.fits", check_image)


@pytest.mark.parametrize("honest", [True, False])
def test_a_huge_answer_is_not_read(server, tmp_path, honest):
    def huge(handler):
        handler.send_response(200)
        if honest:
            handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(bytes(2**20))

    server.faults = [huge]
    downloads = Downloads(rate=1e4, most_bytes=3 * 2**20)
    with pytest.raises(FetchError, match="sent more than 3 MiB: ask for a smaller --size"):
        save(server, downloads, tmp_path)
    assert len(server.requests) == 1
    assert not (tmp_path / "x.fits").exists() or (tmp_path / "x.fits").stat().st_size <= 3 * 2**20


def test_a_refused_request_is_not_repeated_and_says_why(server, downloads, tmp_path):
    with pytest.raises(FetchError, match=r"127.0.0.1 answered 404 Not Found: no such page"):
        downloads.save(f"{server.url}/other", {}, tmp_path / "x.fits", check_image)
    assert len(server.requests) == 1


def test_a_page_is_not_taken_for_a_map(server, downloads, tmp_path):
    server.faults = [page("<html><style>b {}</style><p>Server <b>is</b> down</p></html>")]
    with pytest.raises(FetchError, match=r"is not a FITS file: Server is down$"):
        save(server, downloads, tmp_path)
    assert len(server.requests) == 1


def test_no_content_means_no_coverage(server, downloads, tmp_path):
    server.faults = [refused(204)]
    with pytest.raises(NoCoverage):
        save(server, downloads, tmp_path)


def test_requests_name_the_project(server, downloads, tmp_path):
    save(server, downloads, tmp_path)
    assert server.requests[0][2]["User-Agent"].startswith("keras-astroattn/")


def test_a_pause_ends_with_the_downloads(downloads):
    downloads.close()
    with pytest.raises(Stopped):
        downloads.pause(60.0)


def test_requests_keep_the_rate(server, tmp_path):
    downloads = Downloads(rate=20.0)
    begun = time.monotonic()
    for _ in range(5):
        save(server, downloads, tmp_path)
    assert time.monotonic() - begun >= 4 / 20


def test_the_text_of_a_page_is_short():
    assert page_text(b"<p>" + b"word " * 100) == "word " * 30 + " ..."
    assert page_text(b"a\x00b\xff\x07c") == "a b\N{REPLACEMENT CHARACTER} c"
