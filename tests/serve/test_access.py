"""Requests that the server must refuse: other hosts, other pages, no token."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from keras_astroattn.serve.access import Access

TOKEN = "the-token"
GOOD = {"host": "127.0.0.1:8100", "authorization": f"Bearer {TOKEN}"}


def client(host: str = "127.0.0.1") -> TestClient:
    return TestClient(
        Access(PlainTextResponse("secret"), TOKEN, host, 8100), "http://127.0.0.1:8100"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8100"},
        {"host": "LOCALHOST:8100"},
        {"host": "[::1]:8100"},
        {"origin": "http://127.0.0.1:8100"},
        {"sec-fetch-site": "same-origin"},
        {"authorization": "", "cookie": f"astroattn-8100={TOKEN}"},
        {"authorization": "", "cookie": f'x={{"a": 1}}; astroattn-8100={TOKEN}; y'},
    ],
)
def test_a_request_of_the_page_is_answered(headers):
    assert client().get("/sources", headers=GOOD | headers).text == "secret"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8100"},  # DNS rebinding
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:8101"},
        {"host": "127.0.0.1:8100.evil.example"},
        {"host": "127.0.0.1:8100@evil.example"},
        {"host": "192.168.0.7:8100"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8888"},  # another program on this machine
        {"origin": "http://localhost:8100"},  # a page of the other name
        {"origin": "https://127.0.0.1:8100"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"authorization": ""},
        {"authorization": "Bearer the-toke"},
        {"authorization": "Bearer the-token2"},
        {"authorization": "Basic the-token"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer the-tok\u00ebn".encode("latin-1")},
        {"authorization": "", "cookie": f"astroattn-8101={TOKEN}"},
        {"authorization": "", "cookie": "astroattn-8100="},
    ],
)
def test_any_other_request_is_refused(headers):
    for method in ("GET", "POST"):
        answer = client().request(method, "/sources", headers=GOOD | headers)
        assert answer.status_code == 403
        assert "secret" not in answer.text


def test_two_hosts_are_refused():
    headers = [*GOOD.items(), ("host", "evil.example")]
    assert client().get("/", headers=headers).status_code == 403


def test_the_printed_address_opens_the_page_and_gives_the_cookie():
    opened = client()
    answer = opened.get(f"/?token={TOKEN}", headers={"sec-fetch-site": "cross-site"})
    assert answer.text == "secret"
    cookie = answer.headers["set-cookie"]
    assert cookie == f"astroattn-8100={TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    assert opened.get("/sources").text == "secret"  # by the cookie


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("/", {}),
        ("/?token=", {}),
        ("/?token=wrong", {}),
        ("/?token=%ff%00", {}),
        (f"/?token={TOKEN}&token=wrong", {}),
        (f"/sources?token={TOKEN}", {}),  # only the page is opened by an address
        (f"/?token={TOKEN}", {"host": "evil.example:8100"}),
        (f"/?token={TOKEN}", {"origin": "http://evil.example"}),
    ],
)
def test_no_other_address_does(address, headers):
    answer = client().get(address, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_post_with_the_token_in_the_address_is_refused():
    assert client().post(f"/?token={TOKEN}").status_code == 403


def test_every_answer_forbids_frames_guessing_and_caches():
    for headers in (GOOD, {}):
        found = client().get("/", headers=headers).headers
        assert found["content-security-policy"] == "frame-ancestors 'none'"
        assert found["x-content-type-options"] == "nosniff"
        assert found["cache-control"] == "no-store"
        assert found["referrer-policy"] == "no-referrer"
        assert found["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("10.1.2.3:8100", 200),
        ("[fe80::1]:8100", 200),
        ("evil.example:8100", 403),
        ("10.1.2.3", 403),
    ],
)
def test_on_all_addresses_only_addresses_and_the_machine_s_name_are_hosts(host, status):
    # An address is no name that a name server of somebody else could point here.
    assert client("0.0.0.0").get("/x", headers=GOOD | {"host": host}).status_code == status


def test_on_one_address_its_name_is_a_host():
    headers = GOOD | {"host": "survey.example:8100"}
    assert client("survey.example").get("/x", headers=headers).status_code == 200
    assert client("other.example").get("/x", headers=headers).status_code == 403
