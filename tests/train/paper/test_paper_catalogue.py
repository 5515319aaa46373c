import json

import pytest

PROPOSED = "0709Exp1-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05"
CONFIDENT = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"
FRDEEP = "0709Exp1-range_norm-FRDEEPAdam-AGRadGalNetft-5e-05"


def test_losses_go_to_the_network_that_kept_their_lowest_epoch(published_dir):
    """Kept epochs are read off the folders: 26.pt, 95.pt and 81.pt are the last there are."""
    from train.paper.catalogue import published_entries

    entries = {entry.name: entry for entry in published_entries(published_dir)}
    assert len(entries) == 22
    for name, epoch in ((PROPOSED, 26), (CONFIDENT, 95), (FRDEEP, 81)):
        assert entries[name].losses.validation.argmin() == epoch
    # Three sigmoid networks kept epoch 98, and their one file names none of them.
    for aggregation in ("concat", "deep_sup", "mean"):
        name = f"0709Exp2-sigmoid-MiraBestNOHYBRIDAdam-AGRadGalNet{aggregation}-5e-05"
        assert entries[name].losses is None


def test_every_published_figure_belongs_to_one_network(published_dir):
    from train.paper.catalogue import published_entries
    from train.paper.published_results import published_results

    chapters = {1: [], 2: [], 3: []}
    for entry in published_entries(published_dir):
        for chapter, result in published_results(entry).items():
            chapters[chapter].append(result.accuracy)
    assert sorted(chapters[1]) == [84.4, 88.5, 91.7]
    assert sorted(chapters[3]) == [84.4, 84.5, 86.6, 87.2]
    assert len(chapters[2]) == 16
    assert sum(chapters[2]) == pytest.approx(344.5 + 334.4 + 281.4 + 330.0)


def test_runs_are_read_with_their_configuration(runs, small_data):
    from train.paper.catalogue import run_entries

    (entry,), (remark,) = run_entries(runs)
    saved = json.loads((runs / "one" / "config.json").read_text())["config"]
    assert entry.name == "one"
    assert entry.gates == 3
    assert entry.normalization == saved["normalization"]
    assert entry.data == "simulated"
    assert entry.seed == 3
    assert entry.scopes == ("sample",)
    assert len(entry.losses.validation) == 3
    assert "two is not finished" in remark
