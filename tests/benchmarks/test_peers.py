"""The networks of other software, and what the benchmark says of those that are not installed."""

import pytest

from benchmarks import peers
from keras_astroattn.command import run_app


def test_packages_that_are_not_installed_are_named():
    peer = peers.Peer("Caffe", ("numpy", "caffe_of_old"))
    assert peers.missing(peer) == ["caffe_of_old"]


def test_ours_must_be_installed(monkeypatch, capsys):
    contenders = {"litert": peers.Peer("the paper's network, LiteRT", ("caffe_of_old",))}
    monkeypatch.setitem(peers.PEERS, "published", contenders)
    assert run_app(peers.app, ["--races", "published"]) == 2
    text = capsys.readouterr().err
    assert "the paper's network, LiteRT: left out, caffe_of_old is not installed" in text
    assert "error: the race published needs caffe_of_old" in text


@pytest.fixture(scope="module")
def steerable():
    torch = pytest.importorskip("torch")
    pytest.importorskip("e2cnn")
    from benchmarks.peer_networks import SteerableCNN

    torch.manual_seed(0)
    return SteerableCNN().eval()


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8:UserWarning")
def test_the_network_of_e2cnn_has_the_symmetries_of_the_square(steerable):
    import torch

    # 144 pixels are halved four times without a remainder, to 9.
    image = torch.rand(1, 1, 144, 144)
    with torch.no_grad():
        logits = steerable(image)
        for seen in (image.rot90(1, (2, 3)), image.rot90(2, (2, 3)), image.flip(2)):
            torch.testing.assert_close(steerable(seen), logits, rtol=1e-4, atol=1e-5)
        assert (steerable(image.roll(1, 1) * 0.5) - logits).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8:UserWarning")
def test_the_exported_network_is_the_same_function(steerable):
    import torch

    image = torch.rand(2, 1, 150, 150)
    with torch.no_grad():
        torch.testing.assert_close(steerable.plain()(image), steerable(image))


@pytest.mark.slow
@pytest.mark.parametrize("race", peers.RACES)
def test_each_race_has_a_row_for_each_contender_that_is_installed(race, capsys):
    contenders = peers.PEERS[race]
    if peers.missing(next(iter(contenders.values()))):
        pytest.skip("ours is not installed")
    sizes = ("--rounds", "1", "--images", "4", "--batch-size", "2", "--calls", "1")
    assert run_app(peers.app, ["--races", race, *sizes]) == 0
    text = capsys.readouterr()
    for peer in contenders.values():
        if lacking := peers.missing(peer):
            assert f"{peer.title}: left out, {', '.join(lacking)} is not installed" in " ".join(
                text.err.split()
            )
        else:
            assert f"| {peer.title} |" in text.out
