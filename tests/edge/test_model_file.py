"""Model files that are damaged, foreign, or made to do harm: one line, before LiteRT sees them."""

import hashlib
import json
import shutil
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator, Model
from support.tiny_model_file import radio_galaxy

from export.checksum import main as add_checksum
from export.metadata import with_metadata
from keras_astroattn.edge import Classifier, list_presets, open_model
from keras_astroattn.edge.metadata import split_model_file
from keras_astroattn.edge.structure import require_sound
from keras_astroattn.errors import InputError
from keras_astroattn.presets import preset_file

PRESETS = list_presets()


@pytest.fixture(scope="module")
def network(model_path) -> bytes:
    return bytes(split_model_file(model_path.read_bytes(), model_path)[1])


def zipped(network: bytes, text: bytes, name: str = "metadata.json", **options) -> bytes:
    """A network with any bytes as its metadata, by Python's zip writer."""
    import io

    file = io.BytesIO(network)
    with zipfile.ZipFile(file, "a", **options) as archive:
        archive.writestr(name, text)
    return file.getvalue()


def refusal(tmp_path, content: bytes) -> str:
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        open_model(path)
    message = str(raised.value)
    assert "odd.tflite" in message
    assert "\n" not in message
    assert len(message) < 400
    return message


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_sound(name):
    require_sound(open_model(name).content)


def test_only_files_that_are_no_presets_are_checked_when_they_are_opened(tmp_path, monkeypatch):
    def refuse(network):
        raise ValueError("its structure was checked")

    monkeypatch.setattr("keras_astroattn.edge.network.require_sound", refuse)
    preset = open_model(PRESETS[0])
    copied = tmp_path / preset.path.name
    copied.write_bytes(preset.content)
    assert Classifier(PRESETS[0]).name == PRESETS[0]
    with pytest.raises(InputError, match="its structure was checked"):
        Classifier(copied)


@pytest.mark.parametrize("name", PRESETS)
def test_the_checksum_of_a_preset_is_the_sha256_of_its_network(name):
    content = preset_file(name, ".tflite").read_bytes()
    with zipfile.ZipFile(preset_file(name, ".tflite")) as archive:
        start = archive.getinfo("metadata.json").header_offset
        stated = json.loads(archive.read("metadata.json"))["network_sha256"]
    assert stated == hashlib.sha256(content[:start]).hexdigest()


def test_every_single_flipped_bit_of_the_network_is_noticed(tmp_path, model_path, network):
    content = model_path.read_bytes()
    random = np.random.default_rng(7)
    places = [0, 17, len(network) - 1, *random.integers(8, len(network), 40).tolist()]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        message = refusal(tmp_path, bytes(flipped))
        assert "is damaged" in message or "no .tflite file" in message


@pytest.mark.parametrize("end", [0, 5, 900_000, -1])
def test_a_damaged_preset_says_to_install_the_package_again(tmp_path, monkeypatch, end):
    content = preset_file(PRESETS[0], ".tflite").read_bytes()
    damaged = tmp_path / f"{PRESETS[0]}.tflite"
    damaged.write_bytes(content[:end])
    monkeypatch.setattr("keras_astroattn.presets.presets_folder", lambda: tmp_path)
    monkeypatch.setattr("keras_astroattn.edge.model_file.presets_folder", lambda: tmp_path)
    with pytest.raises(InputError) as raised:
        open_model(PRESETS[0])
    assert str(raised.value) == f"the preset {damaged} is damaged: install keras-astroattn again"


def test_bytes_put_between_network_and_metadata_are_noticed(tmp_path, model_path, network):
    content = model_path.read_bytes()
    assert "damaged" in refusal(tmp_path, network + b"\0" * 16 + content[len(network) :])


def test_a_file_without_checksum_says_how_to_add_one(tmp_path, model_path, network, capsys):
    with zipfile.ZipFile(model_path) as archive:
        before = json.loads(archive.read("metadata.json"))
    del before["network_sha256"]
    message = refusal(tmp_path, zipped(network, json.dumps(before).encode()))
    path = tmp_path / "odd.tflite"
    assert message.endswith(f"python -m export.checksum {path}")
    assert add_checksum([str(path)]) == 0
    assert open_model(path).metadata == open_model(model_path).metadata
    assert Classifier(path).classify(radio_galaxy()) == Classifier(model_path).classify(
        radio_galaxy()
    )
    assert [file.name for file in tmp_path.iterdir()] == ["odd.tflite"]


def test_no_checksum_for_a_network_that_does_not_run(tmp_path, network, capsys):
    path = tmp_path / "odd.tflite"
    broken = struct.pack("<I", 0x7FFFFFF0) + network[4:]
    path.write_bytes(zipped(broken, b'{"format": 1}'))
    before = path.read_bytes()
    assert add_checksum([str(path)]) == 2
    assert "does not run" in capsys.readouterr().err
    assert path.read_bytes() == before


# Fields of the schema of LiteRT, as places in a table of offsets: 4 + 2 times the number.
TENSOR_SHAPE, TENSOR_BUFFER = 4, 8
OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS_TYPE = 6, 8, 10


def replaced(network: bytes, place: int, value: int) -> bytes:
    """The network with another number of 4 bytes."""
    return network[:place] + struct.pack("<i", value) + network[place + 4 :]


def first_element(table, field: int) -> int:
    """Place of the first number of a vector."""
    return table.Vector(table.Offset(field))


def without_weights(network: bytes, model: Model) -> bytes:
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    weights = next(t for t in tensors if model.Buffers(t.Buffer()).DataLength() > 1000)
    empty = 0
    return replaced(network, weights._tab.Pos + weights._tab.Offset(TENSOR_BUFFER), empty)


def with_a_tensor_of_gigabytes(network: bytes, model: Model) -> bytes:
    graph = model.Subgraphs(0)
    tensor = graph.Tensors(graph.Operators(0).Outputs(0))
    return replaced(network, first_element(tensor._tab, TENSOR_SHAPE), 2**20)


def without_an_input(network: bytes, model: Model) -> bytes:
    operator = model.Subgraphs(0).Operators(0)
    return replaced(network, first_element(operator._tab, OPERATOR_INPUTS), -1)


def with_too_few_inputs(network: bytes, model: Model) -> bytes:
    graph = model.Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    strided_slice = next(one for one in operators if one.InputsLength() == 4)
    return replaced(network, first_element(strided_slice._tab, OPERATOR_INPUTS) - 4, 3)


def without_outputs(network: bytes, model: Model) -> bytes:
    operator = model.Subgraphs(0).Operators(0)
    length = first_element(operator._tab, OPERATOR_OUTPUTS) - 4
    return replaced(network, length, 0)


def without_options(network: bytes, model: Model) -> bytes:
    graph = model.Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    table = next(one for one in operators if one.InputsLength() == 4)._tab  # a STRIDED_SLICE
    place = table.Pos + table.Offset(OPERATOR_OPTIONS_TYPE)
    return network[:place] + b"\0" + network[place + 1 :]


def sparse_places(model: Model):
    """The table of the places of the values of a sparse matrix."""
    graph = model.Subgraphs(0)
    tensors = map(graph.Tensors, range(graph.TensorsLength()))
    return next(one.Sparsity() for one in tensors if one.Sparsity()).DimMetadata(1)


def with_a_value_outside_its_matrix(network: bytes, model: Model) -> bytes:
    table = sparse_places(model).ArrayIndices()
    values = first_element(table, 4)
    return network[:values] + b"\xff" + network[values + 1 :]


def with_a_row_that_ends_before_it_begins(network: bytes, model: Model) -> bytes:
    second = first_element(sparse_places(model).ArraySegments(), 4) + 2
    return network[:second] + struct.pack("<H", 60_000) + network[second + 2 :]


def expansion(model: Model):
    """An operator that expands a sparse matrix."""
    graph = model.Subgraphs(0)
    operators = map(graph.Operators, range(graph.OperatorsLength()))
    codes = [model.OperatorCodes(n).BuiltinCode() for n in range(model.OperatorCodesLength())]
    return next(one for one in operators if codes[one.OpcodeIndex()] == BuiltinOperator.DENSIFY)


def with_an_expansion_of_the_image(network: bytes, model: Model) -> bytes:
    image = model.Subgraphs(0).Inputs(0)
    return replaced(network, first_element(expansion(model)._tab, OPERATOR_INPUTS), image)


def with_an_expansion_to_the_image(network: bytes, model: Model) -> bytes:
    image = model.Subgraphs(0).Inputs(0)
    return replaced(network, first_element(expansion(model)._tab, OPERATOR_OUTPUTS), image)


def with_a_sparse_output(network: bytes, model: Model) -> bytes:
    graph = model.Subgraphs(0)
    return replaced(network, graph._tab.Vector(graph._tab.Offset(8)), expansion(model).Inputs(0))


def with_an_offset_into_nowhere(network: bytes, model: Model) -> bytes:
    return replaced(network, 0, 0x7FFFFFF0)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (without_weights, "lacks data"),
        (with_a_tensor_of_gigabytes, r"tensor \d+ has the shape \[1048576, "),
        (without_an_input, "operator 0 lacks an input or output"),
        (with_too_few_inputs, r"operator \d+ lacks an input or output"),
        (without_outputs, "operator 0 lacks an input or output"),
        (without_options, r"operator \d+ lacks its options"),
        (with_a_value_outside_its_matrix, r"sparse tensor \d+ has values outside its shape"),
        (with_a_row_that_ends_before_it_begins, r"sparse tensor \d+ has values outside its shape"),
        (with_an_expansion_of_the_image, r"operator \d+ reads a tensor of another kind"),
        (with_an_expansion_to_the_image, r"operator \d+ expands a tensor to another shape"),
        (with_a_sparse_output, "a sparse tensor is an output"),
        (with_an_offset_into_nowhere, "not a valid Flatbuffer"),
    ],
)
def test_an_altered_network_with_its_right_checksum_is_one_line(
    tmp_path, model_path, network, alter, message
):
    path = tmp_path / "odd.tflite"
    content = alter(network, Model.GetRootAs(network, 0))
    path.write_bytes(with_metadata(content, open_model(model_path).metadata))
    with pytest.raises(InputError, match=rf"odd\.tflite cannot be run: .*{message}") as raised:
        Classifier(path).classify(radio_galaxy())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{}", b"[1]", b"null", b'{"format": 3}', b'{"format": NaN}', b'{"format": "2"}',
        b"[" * 100_000,
        '{"format": 1}'.encode("utf-16"), b'{"format": 1, "name": "\xff"}',
        b'{"format": ' + b"9" * 10_000 + b"}",
    ],
    ids=range(11),
)  # fmt: skip
def test_metadata_that_are_no_object_of_our_format(tmp_path, network, text):
    assert "metadata" in refusal(tmp_path, zipped(network, text))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"class_names": ["FRII", "FRI"]}, "another kind: its class_names is ['FRII', 'FRI']"),
        ({"image_size": 300}, "its image_size is 300, and this version supports 150"),
        ({"pixel_scale_arcsec": 5.0}, "its pixel_scale_arcsec is 5.0"),
        ({"pixel_scale_arcsec": "\x1b[2J" * 9000}, "its pixel_scale_arcsec is '"),
        ({"labels": []}, "wrong type"),
        ({"labels": {"uncertain_below": "0.8"}}, "wrong type"),
        ({"labels": {"compact_below_beams": True}}, "wrong type"),
        ({"labels": {"compact_below_beams": 1e999}}, "no readable metadata"),
        ({"calibration": [2]}, "wrong type"),
        ({"name": "\x1b[2J"}, "wrong type"),
        ({"name": "\ud800"}, "wrong type"),
        ({"format": 2, "source_alone": 1}, "wrong type"),
        ({"format": 2, "source_alone": "true"}, "wrong type"),
        ({"format": 2, "source_alone": None}, "wrong type"),
        ({"format": 1, "source_alone": True}, "wrong type"),
        ({"network_sha256": 12}, "is damaged"),
        ({"network_sha256": "0" * 64}, "is damaged"),
    ],
)
def test_metadata_that_state_something_else(tmp_path, model_path, network, changed, message):
    stated = dict(open_model(model_path).metadata) | changed
    assert message in refusal(tmp_path, zipped(network, json.dumps(stated).encode()))


@pytest.mark.parametrize(
    ("changed", "alone"),
    [({"format": 1}, False), ({"format": 2}, False), ({"format": 2, "source_alone": True}, True)],
)
def test_both_formats_are_read(tmp_path, model_path, network, changed, alone):
    path = tmp_path / "known.tflite"
    path.write_bytes(with_metadata(network, dict(open_model(model_path).metadata) | changed))
    assert Classifier(path).sees_source_alone is alone


def bomb(network: bytes, stated_size: int | None) -> bytes:
    """A zip member of 200 MB of blanks; its directory may state a smaller size."""
    content = zipped(network, b" " * 200_000_000, compression=zipfile.ZIP_DEFLATED)
    if stated_size is None:
        return content
    start = content.rindex(b"PK\x01\x02")
    lie = struct.pack("<I", stated_size)
    return content[: start + 24] + lie + content[start + 28 :]


@pytest.mark.parametrize("stated_size", [None, 2000], ids=["honest", "lying"])
def test_a_zip_bomb_takes_no_memory(tmp_path, network, stated_size):
    content = bomb(network, stated_size)
    tracemalloc.start()
    try:
        assert "metadata" in refusal(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, network, method):
    assert "metadata" in refusal(tmp_path, zipped(network, b'{"format": 1}', compression=method))


def test_a_second_member_is_refused(tmp_path, model_path):
    content = zipped(model_path.read_bytes(), b"code", name="__main__.py")
    assert "metadata" in refusal(tmp_path, content)


def test_a_damaged_stream_is_one_line(tmp_path, network):
    content = bytearray(zipped(network, b'{"format": 1}' * 9, compression=zipfile.ZIP_DEFLATED))
    content[len(network) + 30 + len("metadata.json")] = 0xFF  # no such block of deflate
    with pytest.raises(zlib.error):
        zlib.decompress(bytes(content[len(network) + 43 :]), -15)
    assert "metadata" in refusal(tmp_path, bytes(content))


def test_what_is_written_is_read_back_and_the_same_every_time(network):
    metadata = {"format": 1, "name": "tiny"}
    content = with_metadata(network, metadata)
    assert content == with_metadata(network, metadata)
    stated, found = split_model_file(content, "x")
    assert bytes(found) == network
    assert stated == metadata | {"network_sha256": hashlib.sha256(network).hexdigest()}


def test_a_copy_that_lost_its_end_is_refused(tmp_path, model_path):
    shutil.copy(model_path, tmp_path / "a.tflite")
    content = model_path.read_bytes()
    assert "metadata" in refusal(tmp_path, content[:-1])
    assert "metadata" in refusal(tmp_path, content[: len(content) // 2])
