"""The paper's checkpoints give the paper's outputs, and anything else is refused."""

import io
import os
import pickle
import subprocess
import sys
import tarfile

import keras
import numpy as np
import pytest

from export.published import app
from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.models import attention_model, load_published
from keras_astroattn.models.published import (
    PublishedConfiguration,
    checkpoint_epochs,
    configuration_from_name,
)

torch = pytest.importorskip("torch")
functional = torch.nn.functional

GATES_1 = "0724Exp31-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-1e-05"
GATES_2 = "0724Exp32-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05"
PROPOSED = "0709Exp1-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05"
WITH_REFERENCE = (
    "0709Exp1-range_norm-FRDEEPAdam-AGRadGalNetft-5e-05",
    PROPOSED,
    "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05",
    "0709Exp2-sigmoid-MiraBestNOHYBRIDAdam-AGRadGalNetdeep_sup-5e-05",
    "0709Exp2-softmax-MiraBestNOHYBRIDAdam-AGRadGalNetconcat-5e-05",
    "0709Exp2-std_mean_norm-MiraBestNOHYBRIDAdam-AGRadGalNetmean-5e-05",
    "0719Exp30-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05",
    GATES_1,
    GATES_2,
)


# --- The published weights ----------------------------------------------------------------


@pytest.fixture(scope="module")
def test_images(data_dir):
    """By data set, the test batch's images in network units."""

    def read(archive, member):
        with tarfile.open(data_dir / archive) as tar:
            batch = pickle.loads(tar.extractfile(member).read(), encoding="latin1")
        return to_network_units(np.asarray(batch["data"], np.uint8).reshape(-1, 150, 150, 1))

    mirabest = read("mirabest/MiraBest_full_batches.tar.gz", "batches/test_batch")
    frdeep = read("frdeep/FIRST_PNG_dataset.tar.gz", "FIRST_PNG_dataset/test_batch")
    return lambda name: frdeep if "FRDEEP" in name else mirabest


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def assert_agrees(logits, reference, rows, kind, probability_tolerance):
    expected = reference[f"logits_{kind}"][rows]
    assert np.max(np.abs(logits - expected) / (1 + np.abs(expected))) < 5e-3
    np.testing.assert_allclose(
        softmax(logits),
        reference[f"probabilities_{kind}"][rows],
        rtol=0,
        atol=probability_tolerance,
    )


def check_single(folder, reference, images, rows):
    """`rows` begins with the rows whose attention the reference holds."""
    model = attention_model(load_published(folder))
    outputs = model.predict(images[reference["test_index"][rows]], batch_size=1, verbose=0)
    assert_agrees(outputs["logits"], reference, rows, "single", 5e-4)
    maps = [key for key in reference if key.startswith("attention_") and key[-1].isdigit()]
    assert set(maps) == set(outputs) - {"logits", "attention_mean"}
    for key in maps:
        np.testing.assert_allclose(
            outputs[key][: len(reference[key])], reference[key], rtol=0, atol=2e-4
        )


def check_batches(folder, reference, images, rows):
    model = load_published(folder, scope="batch")
    logits = model.predict(images[reference["test_index"][rows]], batch_size=16, verbose=0)
    assert_agrees(logits, reference, rows, "batch16", 5e-3)


def open_model(published_dir, name):
    with np.load(published_dir / "reference" / f"{name}.npz") as reference:
        return published_dir / "checkpoints" / name, dict(reference)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_single_images_give_the_reference(published_dir, test_images, name):
    folder, reference = open_model(published_dir, name)
    rows = np.concatenate([reference["attention_rows"], np.arange(0, 50, 4)])
    check_single(folder, reference, test_images(name), rows)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_batches_of_16_give_the_reference(published_dir, test_images, name):
    folder, reference = open_model(published_dir, name)
    check_batches(folder, reference, test_images(name), np.arange(32))


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_whole_test_set_gives_the_reference(published_dir, test_images, name):
    folder, reference = open_model(published_dir, name)
    rows = np.arange(len(reference["label"]))
    check_batches(folder, reference, test_images(name), rows)
    check_single(
        folder,
        reference,
        test_images(name),
        np.concatenate([reference["attention_rows"], rows]),
    )


def transcription(tensors, images, normalization, aggregation):
    """Logits of a state dict, the paper's formulas written down in PyTorch's terms."""
    x, outputs = torch.from_numpy(images.transpose(0, 3, 1, 2)), []
    for stage, blocks in enumerate(("abc", "abc", "abc", "ab"), start=1):
        x = functional.max_pool2d(x, 2) if stage > 1 else x
        for block in blocks:
            conv, norm = f"conv{stage}{block}", f"bnorm{stage}{block}"
            x = functional.conv2d(x, tensors[f"{conv}.weight"], tensors[f"{conv}.bias"], padding=1)
            statistics = (tensors[f"{norm}.running_mean"], tensors[f"{norm}.running_var"])
            scale = (tensors[f"{norm}.weight"], tensors[f"{norm}.bias"])
            x = functional.relu(functional.batch_norm(x, *statistics, *scale, eps=1e-5))
        outputs.append(x)

    def dense(vector, name):
        return functional.linear(vector, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    g, vectors = outputs.pop(), []
    for gate in range(1, 4):
        if f"attention{gate}.theta.weight" not in tensors:
            break
        x = outputs.pop()
        theta, phi, psi = (
            tensors[f"attention{gate}.{part}.weight"] for part in ("theta", "phi", "psi")
        )
        gating = functional.interpolate(
            functional.conv2d(g, phi), size=x.shape[2:], mode="bilinear", align_corners=False
        )
        summed = functional.relu(functional.conv2d(x, theta) + gating)
        s = functional.conv2d(summed, psi, tensors[f"attention{gate}.psi.bias"])
        low, high = s.amin((1, 2, 3), keepdim=True), s.amax((1, 2, 3), keepdim=True)
        a = {
            "softmax": lambda s, low, high: torch.softmax(s.flatten(1), 1).view_as(s),
            "sigmoid": lambda s, low, high: torch.sigmoid(s),
            "range_norm": lambda s, low, high: (s - low) / (high - low),
            "std_mean_norm": lambda s, low, high: ((s - low) / high - 0.5) / 0.25,
        }[normalization](s, low, high)
        vectors.append((x * a).sum((2, 3)))
    if not vectors:
        return dense(functional.max_pool2d(g, 2).flatten(1), "classifier").numpy()
    if aggregation == "concat":
        return dense(torch.cat(vectors, 1), "classifier").numpy()
    votes = [dense(vector, f"classifiers.{k}") for k, vector in enumerate(vectors)]
    if aggregation == "ft":
        return dense(functional.relu(torch.cat(votes, 1)), "classifier").numpy()
    if aggregation == "deep_sup":
        votes.append(dense(torch.cat(vectors, 1), "classifier"))
    return (sum(votes) / len(votes)).numpy()


def test_all_22_models_give_what_their_formulas_give(published_dir, test_images):
    folders = sorted((published_dir / "checkpoints").iterdir())
    assert len(folders) == 22
    for folder in folders:
        images = test_images(folder.name)[[8]]
        file = max(folder.glob("*.pt"), key=lambda path: int(path.stem))
        tensors = torch.load(file, map_location="cpu", weights_only=True)
        _, normalization, _, aggregation, *_ = folder.name.split("-")
        expected = transcription(
            tensors, images, normalization, aggregation.removeprefix("AGRadGalNet")
        )
        logits = keras.ops.convert_to_numpy(load_published(folder)(images))
        assert np.max(np.abs(logits - expected) / (1 + np.abs(expected))) < 5e-3, folder.name
        np.testing.assert_allclose(
            softmax(logits), softmax(expected), rtol=0, atol=5e-4, err_msg=folder.name
        )


def test_proposed_model_has_the_papers_number_of_parameters(published_dir):
    model = load_published(published_dir / "checkpoints" / PROPOSED)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 101_447
    assert (model.dropout, model.scope) == (0.5, "sample")


def test_fewer_gates_come_without_dropout(published_dir):
    assert load_published(published_dir / "checkpoints" / GATES_2).dropout == 0


def test_folder_means_its_numerically_last_epoch(published_dir):
    epochs = checkpoint_epochs(published_dir / "checkpoints" / PROPOSED)
    # Sorted as text, 8 would be the last.
    assert list(epochs) == [0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 13, 15, 18, 22, 26]
    last = torch.load(epochs[26], map_location="cpu", weights_only=True)["classifier.bias"]
    model = load_published(published_dir / "checkpoints" / PROPOSED)
    np.testing.assert_array_equal(model.get_layer("logits").dense.bias, last.numpy())


def test_file_takes_its_configuration_from_its_folder(published_dir):
    model = load_published(published_dir / "checkpoints" / GATES_1 / "91.pt")
    assert (model.gates, model.normalization, model.aggregation) == (1, "range_norm", "ft")


# --- Names and options --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (PROPOSED, (3, "range_norm", "ft")),
        ("0719Exp30-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05", (0, "range_norm", "ft")),
        (GATES_1, (1, "range_norm", "ft")),
        (GATES_2, (2, "range_norm", "ft")),
        (WITH_REFERENCE[3], (3, "sigmoid", "deep_sup")),
        (WITH_REFERENCE[5], (3, "std_mean_norm", "mean")),
        ("my_weights", (None, None, None)),
    ],
)
def test_name_tells_the_configuration(name, expected):
    assert configuration_from_name(name) == PublishedConfiguration(*expected)


CHANNELS = {1: (1, 6), 2: (6, 16), 3: (16, 32), 4: (32, 64)}


def state_dict(gates=3, aggregation="ft", seed=0):
    """Random weights under the published names."""
    generator = torch.Generator().manual_seed(seed)

    def tensor(*shape):
        return torch.randn(shape, generator=generator) * 0.1

    tensors = {}
    for stage, (before, channels) in CHANNELS.items():
        for block in "abc" if stage < 4 else "ab":
            tensors[f"conv{stage}{block}.weight"] = tensor(channels, before, 3, 3)
            tensors[f"conv{stage}{block}.bias"] = tensor(channels)
            for part in ("weight", "bias", "running_mean"):
                tensors[f"bnorm{stage}{block}.{part}"] = tensor(channels)
            tensors[f"bnorm{stage}{block}.running_var"] = 1 + tensor(channels) ** 2
            tensors[f"bnorm{stage}{block}.num_batches_tracked"] = torch.tensor(1)
            before = channels
    pooled = [32, 16, 6][:gates]
    for gate, channels in enumerate(pooled, start=1):
        tensors[f"attention{gate}.theta.weight"] = tensor(64, channels, 1, 1)
        tensors[f"attention{gate}.phi.weight"] = tensor(64, 64, 1, 1)
        tensors[f"attention{gate}.psi.weight"] = tensor(1, 64, 1, 1)
        tensors[f"attention{gate}.psi.bias"] = tensor(1)
        if aggregation != "concat":
            tensors[f"classifiers.{gate - 1}.weight"] = tensor(2, channels)
            tensors[f"classifiers.{gate - 1}.bias"] = tensor(2)
    for name, shape in (("fc1", (256, 400)), ("fc2", (256, 256)), ("fc3", (2, 256))):
        tensors[f"{name}.weight"] = tensor(*shape)
        tensors[f"{name}.bias"] = tensor(shape[0])
    if not gates:
        tensors["classifier.weight"] = tensor(2, 64 * 9 * 9)
    elif aggregation == "ft":
        tensors["classifier.weight"] = tensor(2, 2 * gates)
    elif aggregation != "mean":
        tensors["classifier.weight"] = tensor(2, sum(pooled))
    if "classifier.weight" in tensors:
        tensors["classifier.bias"] = tensor(2)
    return tensors


@pytest.fixture
def save(tmp_path):
    """Save tensors as `folder`/1.pt; give the file."""

    def save(tensors, folder=PROPOSED):
        (tmp_path / folder).mkdir()
        torch.save(tensors, tmp_path / folder / "1.pt")
        return tmp_path / folder / "1.pt"

    return save


@pytest.mark.parametrize("gates", [0, 1, 2, 3])
@pytest.mark.parametrize("aggregation", ["mean", "ft"])
def test_options_replace_the_name(save, gates, aggregation):
    tensors = state_dict(gates, aggregation)
    path = save(tensors, folder="weights")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 150, 150, 1)).astype("float32")
    model = load_published(path, gates=gates, normalization="sigmoid", aggregation=aggregation)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(images)),
        transcription(tensors, images, "sigmoid", aggregation),
        rtol=1e-3,
        atol=1e-3,
    )


def test_option_outweighs_the_name(save):
    model = load_published(save(state_dict()), normalization="tanh")
    assert (model.gates, model.normalization, model.aggregation) == (3, "tanh", "ft")


# --- What is refused ----------------------------------------------------------------------


def test_name_that_says_nothing_asks_for_the_option(save):
    path = save(state_dict(), folder="weights")
    with pytest.raises(InputError, match="does not state its normalization; give normalization"):
        load_published(path, gates=3, aggregation="ft")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gates": 5}, "gates must be one of 0, 1, 2, 3; got 5"),
        ({"normalization": "layer"}, "normalization must be one of softmax, .*; got 'layer'"),
        ({"aggregation": "concat_gating"}, "aggregation must be one of mean, concat, "),
        ({"scope": "image"}, "scope must be one of sample, batch; got 'image'"),
    ],
)
def test_unknown_option_is_refused(save, options, message):
    with pytest.raises(InputError, match=message):
        load_published(save(state_dict()), **options)


def test_name_that_says_three_gates_over_weights_of_two(save):
    path = save(state_dict(gates=2))
    with pytest.raises(InputError, match="holds the weights of 2 gates, not of 3"):
        load_published(path)


def test_checkpoint_of_another_network_is_refused(save):
    path = save(torch.nn.Linear(3, 4).state_dict())
    with pytest.raises(InputError, match=r"another network: it lacks the tensor conv1a\.weight"):
        load_published(path)


def test_weights_of_another_aggregation_name_the_tensor(save):
    path = save(state_dict(aggregation="deep_sup"), folder="weights")
    with pytest.raises(InputError, match=r"its tensor classifier\.weight has no place"):
        load_published(path, gates=3, normalization="sigmoid", aggregation="mean")


def test_unknown_tensor_is_named(save):
    path = save({**state_dict(), "fc4.weight": torch.zeros(2, 2)})
    with pytest.raises(InputError, match=r"its tensor fc4\.weight has no place in gates=3"):
        load_published(path)


@pytest.mark.parametrize("name", ["conv2b.weight", "attention3.psi.bias", "classifier.weight"])
def test_missing_tensor_is_named(save, name):
    tensors = state_dict()
    del tensors[name]
    with pytest.raises(InputError, match=f"it lacks the tensor {name}"):
        load_published(save(tensors))


@pytest.mark.parametrize("name", ["conv2b.weight", "fc1.weight", "bnorm1a.num_batches_tracked"])
def test_misshapen_tensor_is_named(save, name):
    path = save({**state_dict(), name: torch.zeros(7, 5)})
    with pytest.raises(InputError, match=rf"its tensor {name} has shape \(7, 5\), not \("):
        load_published(path)


def test_weights_with_nan_are_refused(save):
    path = save({**state_dict(), "conv1a.bias": torch.full((6,), torch.nan)})
    with pytest.raises(InputError, match=r"its tensor conv1a\.bias holds NaN"):
        load_published(path)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_truncated_checkpoint_is_refused(tmp_path, legacy, kept):
    stream = io.BytesIO()
    torch.save(state_dict(), stream, _use_new_zipfile_serialization=not legacy)
    content = stream.getvalue()
    path = tmp_path / PROPOSED / "1.pt"
    path.parent.mkdir()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=r"1\.pt is damaged or not a PyTorch state dict"):
        load_published(path)


class _Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize(
    "write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))]
)
def test_malicious_pickle_is_refused_and_not_run(tmp_path, write):
    target = tmp_path / "made_by_the_pickle"
    path = tmp_path / PROPOSED / "1.pt"
    path.parent.mkdir()
    write({"conv1a.weight": _Malicious(target)}, path)
    with pytest.raises(InputError, match="is damaged or not a PyTorch state dict"):
        load_published(path)
    assert not target.exists()


def test_training_state_is_not_a_state_dict(save):
    path = save({"epoch": 3, "model": state_dict()})
    with pytest.raises(InputError, match="is not a state dict: it must hold tensors by name"):
        load_published(path)


def test_folder_without_checkpoint_is_refused(tmp_path):
    (tmp_path / "best.pt").touch()
    with pytest.raises(InputError, match="holds no checkpoint <epoch>"):
        load_published(tmp_path)


def test_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"7\.pt does not exist"):
        load_published(tmp_path / PROPOSED / "7.pt")


def test_missing_pytorch_names_the_extra(save, monkeypatch):
    path = save(state_dict())
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"keras-astroattn\[convert\]"):
        load_published(path)


def test_importing_models_does_not_import_pytorch():
    if keras.backend.backend() == "torch":
        pytest.skip("Keras itself imports PyTorch here")
    code = (
        "import sys, keras_astroattn.models as models; models.load_published; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- The command --------------------------------------------------------------------------


def test_command_writes_a_model_that_keras_opens(save, tmp_path, capsys):
    folder = save(state_dict(gates=2), folder=GATES_2).parent
    output = tmp_path / "new" / "model.keras"
    assert run_app(app, [str(folder), "--output", str(output), "--scope", "batch"]) == 0
    assert "gates=2, normalization=range_norm, aggregation=ft" in capsys.readouterr().out
    model = keras.models.load_model(output)
    assert model.scope == "batch"
    images = np.random.default_rng(0).uniform(-1, 1, (1, 150, 150, 1)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(images)),
        transcription(state_dict(gates=2), images, "range_norm", "ft"),
        rtol=1e-3,
        atol=1e-3,
    )
    assert [path.name for path in output.parent.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("output", ["there.keras", "model.h5"])
def test_command_refuses_an_output_it_must_not_write(save, tmp_path, capsys, output):
    path = save(state_dict())
    (tmp_path / "there.keras").write_text("mine")
    assert run_app(app, [str(path), "--output", str(tmp_path / output)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert (tmp_path / "there.keras").read_text() == "mine"
    assert not (tmp_path / "model.h5").exists()


def test_command_says_where_it_cannot_write(save, tmp_path, capsys):
    path = save(state_dict())
    (tmp_path / "file").touch()
    assert run_app(app, [str(path), "--output", str(tmp_path / "file" / "model.keras")]) == 2
    assert "cannot write" in capsys.readouterr().err
