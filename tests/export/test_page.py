"""The browser page: its generated files, its equality to Python, and its life in a browser."""

import base64
import contextlib
import csv
import fcntl
import functools
import gzip
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from support.synthetic_maps import bar, celestial_header, gaussian, noise, point_with_arms, write

from export.page import build, generate
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap, flags, read_image
from keras_astroattn.presets import DEFAULT_PRESET as PRESET
from keras_astroattn.presets import preset_file
from keras_astroattn.samples import sample_paths

BROWSERS = {"chromium": ("chromium", "chromium-browser"), "firefox": ("firefox-esr", "firefox")}


def near(found, wanted):
    """Compare nested values; numbers to 9 digits, because platforms differ in trigonometry."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(near(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(near, found, wanted))
    return found == (pytest.approx(wanted, abs=1e-9) if isinstance(wanted, float) else wanted)


def test_the_generated_files_are_current():
    # If this fails: python -m export.page --generate
    assert (generate.GENERATED / "constants.ts").read_text("utf-8") == generate.constants()
    written = json.loads((generate.GENERATED / "references.json").read_text("utf-8"))
    assert near(json.loads(generate.references()), written)


def test_the_lock_file_names_no_registry():
    lock = json.loads((build.PAGE / "package-lock.json").read_text("utf-8"))
    packages = [one for name, one in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in one and "resolved" not in one for one in packages)


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> str:
    try:
        build.require_node()
    except InputError as error:
        pytest.skip(str(error))
    try:
        # Only one of several workers of pytest-xdist installs.
        with (tmp_path_factory.getbasetemp().parent / "npm.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            build.install()
    except InputError as error:
        if not re.search("EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ECONNRESET", str(error)):
            raise
        pytest.skip(f"no npm registry, from which the page's packages come: {error}")
    return shutil.which("node")


@pytest.fixture(scope="module")
def scripts(node, tmp_path_factory):
    """Bundled test scripts by name; next to node_modules, from where they import."""
    folder = build.PAGE / "tests-built" / os.environ.get("PYTEST_XDIST_WORKER", "")
    for name in ("references", "classify_files", "browser"):
        options = ["--platform=node", "--format=esm"]
        options += ["--packages=external"] if name == "browser" else []
        build.bundle(f"tests/{name}.ts", folder / f"{name}.mjs", *options)
    return folder


@pytest.fixture(scope="module")
def classifier():
    return Classifier(PRESET)


def run_node(node: str, *arguments: object, timeout: float = 500) -> str:
    done = subprocess.run(
        [node, *map(str, arguments)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture
def classify(node, scripts, tmp_path):
    """A function from files to what the page's code finds, in Node."""

    def run(paths: list[Path], model: Path | None = None) -> list[dict]:
        chosen = tmp_path / "list.json"
        chosen.write_text(json.dumps([str(path) for path in paths]))
        wasm = build.PAGE / "node_modules" / "@litertjs" / "core" / "wasm"
        model = model or preset_file(PRESET, ".tflite")
        printed = run_node(node, scripts / "classify_files.mjs", model, wasm, chosen)
        found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        assert [one["path"] for one in found] == [str(path) for path in paths]
        return found

    return run


def pixels_of(found: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(150, 150)


def assert_same(found, cutout, classifier, probability=1e-4):
    """Compare figures, flags, label and probabilities with those of Python."""
    assert found.get("error") is None
    assert tuple(found["flags"]) == cutout.flags
    figures = {
        "noise": cutout.noise,
        "peak_snr": cutout.peak_snr,
        "size": cutout.largest_angular_size,
        "certain_size": cutout.certain_size,
        "neighbours": cutout.neighbours,
    }
    for name, value in figures.items():
        given = np.nan if found[name] is None else found[name]
        np.testing.assert_allclose(given, value, rtol=1e-4, err_msg=f"{found['path']} {name}")
    wanted = cutout.ellipse
    assert (found["ellipse"] is None) == (wanted is None)
    if wanted is not None:
        major, minor, angle = found["ellipse"]
        assert [major, minor] == pytest.approx([wanted.major, wanted.minor], rel=1e-4)
        assert (angle is None) == (wanted.position_angle is None)
        # The angle of a circle has no meaning.
        if angle is not None and major > 1.01 * minor:
            turn = angle - wanted.position_angle
            assert (turn + 90) % 180 - 90 == pytest.approx(0, abs=0.01)
    wanted = classifier.classify(cutout)
    assert found["label"] == wanted.label
    if wanted.p_fri is not None:
        given = found["probabilities"]
        np.testing.assert_allclose(given, [wanted.p_fri, wanted.p_frii], atol=probability)


@pytest.mark.slow
def test_reference_values(node, scripts):
    run_node(node, scripts / "references.mjs", sample_paths()[0].parent)


@pytest.mark.slow
def test_first_fields_are_equal_to_the_last_bit(classify, classifier, data_dir):
    paths = sorted((data_dir / "fits").glob("*.fits"))
    assert paths
    for path, found in zip(paths, classify(paths), strict=True):
        with FitsMap(path) as sky:
            cutout = sky.cutout()
        np.testing.assert_array_equal(pixels_of(found), cutout.pixels)
        assert found["noise"] == cutout.noise
        assert found["peak_snr"] == cutout.peak_snr
        assert_same(found, cutout, classifier)


def altered_maps(folder: Path) -> list[Path]:
    """The samples with other beams, pixels, units, types, axes and unknown pixels."""
    made = []

    def write(name, data, header, **changes):
        header = header.copy()
        for key, value in changes.items():
            if value is None:
                del header[key]
            else:
                header[key] = value
        path = folder / f"{name}.fits"
        fits.PrimaryHDU(data, header).writeto(path)
        made.append(path)

    for sample in sample_paths():
        with fits.open(sample) as opened:
            data, header = opened[0].data.astype(np.float32), opened[0].header
        data, name = data.reshape(data.shape[-2:]), sample.stem
        for key in [key for key in header if re.fullmatch(r"(NAXIS|C\w+)[34]", key)]:
            del header[key]
        beam = header["BMAJ"]
        write(f"{name}_fine", data, header, BMAJ=beam / 2, BMIN=beam / 2)
        write(f"{name}_coarse", data, header, BMAJ=beam * 3, BMIN=beam * 3)
        write(f"{name}_oval", data, header, BMAJ=beam * 2, BMIN=beam, BPA=30.0)
        write(f"{name}_small_pixels", data, header,
              CDELT1=header["CDELT1"] / 1.7, CDELT2=header["CDELT2"] / 1.7)  # fmt: skip
        write(f"{name}_double", data.astype(np.float64), header)
        write(f"{name}_milli", data * np.float32(1000), header, BUNIT="mJy/beam")
        write(f"{name}_four_axes", data[np.newaxis, np.newaxis], header,
              CTYPE3="FREQ", CRVAL3=1.4e9, CTYPE4="STOKES", CRVAL4=1.0)  # fmt: skip
        write(f"{name}_no_beam", data, header, BMAJ=None, BMIN=None, BPA=None)
        holed = data.copy()
        holed[160:175, 150:170] = np.nan
        write(f"{name}_nan", holed, header)
        zeros = data.copy()
        zeros[:, :120] = 0
        write(f"{name}_zeros", zeros, header)
        write(f"{name}_tight", data[90:210, 90:210], header,
              CRPIX1=header["CRPIX1"] - 90, CRPIX2=header["CRPIX2"] - 90)  # fmt: skip
        blanked = np.where(data > 4 * data.std(), data, 0).astype(np.float32)
        write(f"{name}_blanked", blanked, header)
        steps = np.round(data / 1e-5).clip(-32000, 32000).astype(np.int16)
        write(f"{name}_integers", steps, header, BSCALE=1e-5, BZERO=0.0)
        packed = folder / f"{name}_packed.fits.gz"
        packed.write_bytes(gzip.compress(sample.read_bytes()))
        made.append(packed)
    for share in (0.002, 0.03):
        field = noise((300, 300), 1.5e-4) + point_with_arms(share)
        write(f"arms_{share}", field, celestial_header((300, 300)))
    return made


@pytest.mark.slow
def test_altered_maps_have_the_same_flags_and_labels(classify, classifier, tmp_path):
    paths = altered_maps(tmp_path)
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert (flags.ARTEFACTS in cutout.flags) == (path.stem == "arms_0.03")
        assert_same(found, cutout, classifier, probability=2e-3)
        difference = np.abs(pixels_of(found).astype(int) - cutout.pixels)
        # numpy smooths and resamples in float32: some values lie at the edge of a grey level.
        assert difference.max() <= 1
        assert np.count_nonzero(difference) <= 10
        if "smoothed" not in cutout.flags and "resampled" not in cutout.flags:
            assert not difference.any()


@pytest.mark.slow
def test_a_source_larger_than_the_frame_is_shown_as_in_python(classify, classifier, tmp_path):
    paths = []
    for length, width in ((400, 700), (810, 900), (700, 300)):
        field = noise((width, width), seed=1) + bar((width, width), length)
        header = celestial_header((width, width), beam=(6.2, 5.4, 20.0))
        paths.append(write(tmp_path / f"{length}.fits", field, header))
    scales = []
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert_same(found, cutout, classifier, probability=2e-3)
        difference = np.abs(pixels_of(found).astype(int) - cutout.pixels)
        assert difference.max() <= 1
        assert np.count_nonzero(difference) <= 10
        scales.append(cutout.pixel_scale / 1.8)
    # Three pixels of twice and four times the mean beam; its own pixels.
    mean = np.sqrt(6.2 * 5.4) / 5.4
    assert scales == pytest.approx([2 * mean, 4 * mean, 1], rel=1e-6)


@pytest.mark.slow
def test_a_small_source_of_a_fine_beam_is_shown_as_in_python(classify, classifier, tmp_path):
    """Of 12 arcsec with the map's beam, made round; of 13 with twice the beam; a large one."""
    paths = []
    for length, scale, beam in ((12, 1.0, (2.5, 2.2)), (12, 1.0, (3.0, 2.0)), (13, 0.4, (1.0, 1.0)),
                                (60, 1.0, (2.5, 2.5))):  # fmt: skip
        width = round(700 / max(scale, 0.8))
        field = noise((width, width), seed=1) + bar(
            (width, width), length, beam=beam[0], scale=scale
        )
        header = celestial_header((width, width), scale=scale, beam=(*beam, 0.0))
        paths.append(write(tmp_path / f"{len(paths)}.fits", field, header))
    beams = []
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert_same(found, cutout, classifier, probability=2e-3)
        difference = np.abs(pixels_of(found).astype(int) - cutout.pixels)
        assert difference.max() <= 1
        assert np.count_nonzero(difference) <= 10
        beams.append(cutout.beam.mean)
    assert beams == pytest.approx([np.sqrt(2.5 * 2.2), 3.0, 2.0, 5.4])


@pytest.mark.slow
def test_lobes_beyond_the_frame_are_found_as_in_python(classify, classifier, tmp_path):
    """A core, and a lobe 180 arcsec away on each side; the frame reaches 135 arcsec."""
    paths = []
    for name, width, scale in (("wide", 700, 1.8), ("fine", 900, 1.4), ("small", 240, 1.8)):
        shape, middle, away = (width, width), (width - 1) / 2, 180 / scale
        field = noise(shape, seed=2) + gaussian(shape, middle, middle, 5.4, peak=0.01, scale=scale)
        for x in (middle - away, middle + away):
            field += gaussian(shape, x, middle, 40, peak=3e-3, scale=scale)
        header = celestial_header(shape, scale=scale)
        paths.append(write(tmp_path / f"{name}.fits", field.astype("f4"), header))
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert_same(found, cutout, classifier, probability=2e-3)
        assert flags.OUTER_LOBES in cutout.flags
        assert flags.WIDER_BEAM not in cutout.flags


@pytest.mark.slow
def test_round_sources_are_found_as_in_python(classify, classifier, tmp_path):
    shape, middle = (300, 300), 149.5
    radius = 1.8 * np.hypot(*(np.indices(shape) - middle))
    ring = np.exp(-4 * np.log(2) * ((radius - 25) / 9) ** 2)
    patch = gaussian(shape, middle, middle, 28, 22, 30, scale=1.8)
    neighbour = gaussian(shape, middle + 24, middle, 6, scale=1.8)
    lobes = [gaussian(shape, middle, middle + y, 18, scale=1.8) for y in (-9, 9)]
    wanted = {"ring": True, "patch": True, "neighbour": True, "lobes": False}
    images = (ring, patch, patch + 0.6 * neighbour, sum(lobes))
    paths = []
    for number, (name, image) in enumerate(zip(wanted, images, strict=True)):
        field = noise(shape, seed=number) + 40e-4 * image
        header = celestial_header(shape, beam=(5.4, 5.4, 0.0))
        paths.append(write(tmp_path / f"{name}.fits", field.astype("f4"), header))
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert_same(found, cutout, classifier)
        assert (flags.ROUND in cutout.flags) == wanted[path.stem]


@pytest.mark.slow
def test_a_galaxy_about_another_place_is_found_as_in_python(classify, classifier, tmp_path):
    """A giant about the position; a giant, a galaxy and a lobe beside it."""
    shape, middle = (700, 700), 349.5
    point = gaussian(shape, middle, middle, 5.4, peak=0.004, scale=1.8)
    lobes = [gaussian(shape, middle + x, middle, 12, peak=0.02, scale=1.8) for x in (16, 28)]
    skies = {
        "about": bar(shape, 400),
        "beside": point + bar(shape, 250, x=350 + 78),
        "point": point + sum(lobes),
        "lobe": gaussian(shape, middle + 18, middle, 12, peak=0.02, scale=1.8),
    }
    paths = []
    for name, sky in skies.items():
        field = (noise(shape, seed=3) + sky).astype("f4")
        paths.append(write(tmp_path / f"{name}.fits", field, celestial_header(shape)))
    looked_for = {flags.WIDER_BEAM, flags.BEYOND_FRAME, flags.ONE_SIDED, flags.OFF_SOURCE}
    marks = []
    for path, found in zip(paths, classify(paths), strict=True):
        cutout = read_image(path)
        assert_same(found, cutout, classifier, probability=2e-3)
        marks.append(looked_for & set(cutout.flags))
    assert marks == [
        {flags.WIDER_BEAM},
        {flags.BEYOND_FRAME, flags.ONE_SIDED},
        {flags.ONE_SIDED},
        {flags.OFF_SOURCE},
    ]


@pytest.mark.slow
def test_a_network_that_sees_the_source_alone_gives_the_answer_of_python(
    classify, alone_path, votes_path, tmp_path
):
    lobes = [gaussian((300, 300), x, 149.5, 9, peak=0.01, scale=1.8) for x in (135, 165)]
    field = noise((300, 300), seed=4) + sum(lobes).astype("f4")
    header = celestial_header((300, 300))
    paths = [write(tmp_path / "one.fits", field, header)]
    field = field + gaussian((300, 300), 205, 205, 9, peak=0.3, scale=1.8).astype("f4")
    paths.append(write(tmp_path / "two.fits", field, header))
    for model in (alone_path, votes_path):
        classifier = Classifier(model)
        for path, found in zip(paths, classify(paths, model), strict=True):
            cutout = read_image(path)
            assert found["probabilities"] is not None
            assert_same(found, cutout, classifier)
            evidence = classifier.attention(cutout).evidence
            assert found["evidence"] == pytest.approx(float(evidence.sum()), rel=1e-3)


@pytest.mark.slow
def test_what_cannot_be_read_is_printed(classify, tmp_path):
    sample = sample_paths()[0].read_bytes()
    header = fits.getheader(sample_paths()[0])
    cases = {
        "empty.fits": (b"", "the file is empty"),
        "text.fits": (b"no map" * 100, "does not begin with SIMPLE"),
        "notes.txt": (b"no map" * 100, "neither a FITS map nor a PNG or JPEG"),
        "cut.fits": (sample[:50_000], "truncated"),
        "cut.fits.gz": (gzip.compress(sample)[:9000], "damaged or cut short"),
        "packed.fits.bz2": (b"BZh91AY", "astroattn classify FILE"),
        "array.npy": (b"\x93NUMPY\x01\x00", "astroattn classify FILE"),
    }
    with io.BytesIO() as file:
        fits.PrimaryHDU(np.full((300, 300), np.nan, np.float32), header).writeto(file)
        cases["blank.fits"] = (file.getvalue(), "the map is blank here")
    with io.BytesIO() as file:
        fits.HDUList(
            [fits.PrimaryHDU(), fits.CompImageHDU(np.ones((300, 300), np.float32))]
        ).writeto(file)
        cases["packed.fz"] = (file.getvalue(), "astroattn classify FILE")
    with io.BytesIO() as file:
        fits.PrimaryHDU(np.ones((3, 300, 300), np.float32), header).writeto(file)
        cases["cube.fits"] = (file.getvalue(), "astroattn classify FILE --channel 0")
    with io.BytesIO() as file:
        large = np.random.default_rng(0).normal(0, 1e-4, (1300, 1300)).astype(np.float32)
        fits.PrimaryHDU(large, header).writeto(file)
        cases["mosaic.fits"] = (file.getvalue(), "click on a source")
    for name, (content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in cases]
    for found in classify(paths):
        wanted = cases[Path(found["path"]).name][1]
        assert wanted in found.get("error", "no error"), found["path"]


@pytest.fixture(scope="module")
def page(node, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    build.build(folder, PRESET)
    return folder


@pytest.mark.slow
def test_the_single_file_is_small_and_loads_nothing(page):
    single = page / build.SINGLE
    assert single.stat().st_size < 6e6
    text = single.read_text("utf-8")
    assert not re.search(r'<(script|link|img|iframe)[^>]*(src|href)="(?!data:,)', text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "scholarly, educational, and private non-commercial use" in text


@contextlib.contextmanager
def served(folder: Path):
    """A web server of a folder on this machine; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=BROWSERS)
def browse(request, node, scripts, page, tmp_path):
    """A function that drops files on the page in a browser, and returns what it shows."""
    program = next(filter(None, map(shutil.which, BROWSERS[request.param])), None)
    if program is None:
        pytest.skip(f"no {request.param}: install Debian's package to test the page in it")

    def run(paths: list[Path], address: str, **options: str) -> dict:
        task = tmp_path / "task.json"
        task.write_text(json.dumps({"files": [str(path) for path in paths], **options}))
        return json.loads(run_node(node, scripts / "browser.mjs", program, address, task))

    return run


def odd_files(folder: Path) -> list[Path]:
    """A file that is no map, and maps with a script in the name and in the header."""
    broken = folder / "broken.fits"
    broken.write_bytes(b"no map")
    script = folder / "<img src=x onerror=alert(1)>.fits"
    with fits.open(sample_paths()[1]) as opened:
        header = opened[0].header
        header["OBJECT"] = "<script>alert(2)</script>"
        header["BUNIT"] = "<b>Jy</b>"
        fits.PrimaryHDU(opened[0].data, header).writeto(script)
    return [broken, script]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "hosted"])
def test_five_fields_in_a_browser(browse, page, kind, classifier, data_dir, tmp_path):
    paths = sorted((data_dir / "fits").glob("*.fits"))[:5]
    assert len(paths) == 5
    odd = odd_files(tmp_path)
    with served(page) as address:
        shown = browse(paths + odd, (page / build.SINGLE).as_uri() if kind == "single" else address)
        outside = [
            url for url in shown["requests"]
            if not url.startswith(("blob:", "data:", address if kind == "hosted" else "file://"))
        ]  # fmt: skip
    assert outside == []
    assert not [one for one in shown["problems"] if not re.match("INFO|WARNING", one)]
    assert shown["injected"] == 0
    assert {"none", "evidence", "mean", "attention_1"} <= set(shown["overlays"])
    rows = list(csv.DictReader(io.StringIO(shown["csv"])))
    assert [row["path"] for row in rows] == [path.name for path in paths + odd]
    for path, row in zip(paths, rows, strict=False):
        cutout = read_image(path)
        wanted = classifier.classify(cutout)
        assert row["label"] == wanted.label
        assert row["flags"] == ";".join(cutout.flags)
        np.testing.assert_allclose(float(row["p_fri"]), wanted.p_fri, atol=1e-4)
        np.testing.assert_allclose(float(row["noise_jy_beam"]), cutout.noise, rtol=1e-8)
    assert [row["label"] for row in rows[5:]] == ["error", "error"]
    assert "SIMPLE" in rows[5]["error"]
    assert "its unit" in rows[6]["error"]


@pytest.mark.slow
def test_pictures_in_a_browser(browse, page, classifier, tmp_path):
    from PIL import Image

    cutout = read_image(sample_paths()[1])
    finished, inverted, jpeg = (tmp_path / name for name in ("a.png", "b.png", "c.jpg"))
    Image.fromarray(cutout.pixels).save(finished)
    Image.fromarray(255 - cutout.pixels // 2).save(inverted)
    Image.fromarray(cutout.pixels).save(jpeg, quality=95)
    colours, deep = tmp_path / "d.png", tmp_path / "e.png"
    Image.fromarray(np.stack([cutout.pixels, *[cutout.pixels // 2] * 2], axis=-1)).save(colours)
    Image.fromarray(cutout.pixels.astype(np.uint16) * 256).save(deep)
    paths = [finished, inverted, jpeg, colours, deep]
    shown = browse(paths, (page / build.SINGLE).as_uri())
    rows = list(csv.DictReader(io.StringIO(shown["csv"])))
    # Decoders of JPEG differ by a grey level, which moves the probability a little.
    for path, row, tolerance in zip(paths, rows, (1e-4, 1e-4, 0.02), strict=False):
        given = read_image(path)
        wanted = classifier.classify(given)
        assert (row["label"], row["flags"]) == (wanted.label, ";".join(given.flags))
        np.testing.assert_allclose(float(row["p_fri"]), wanted.p_fri, atol=tolerance)
    assert "astroattn classify FILE --colormap viridis" in rows[3]["error"]
    assert "16 bits" in rows[4]["error"]


@pytest.mark.slow
def test_sources_of_a_mosaic_in_a_browser(browse, page, classifier, tmp_path):
    with fits.open(sample_paths()[1]) as opened:
        data, header = opened[0].data.squeeze(), opened[0].header
    mosaic = np.random.default_rng(3).normal(0, 2e-4, (1500, 1500)).astype(np.float32)
    mosaic[100:400, 900:1200] = data
    header["CRPIX1"] += 900
    header["CRPIX2"] += 100
    path = tmp_path / "mosaic.fits"
    fits.PrimaryHDU(mosaic, header).writeto(path)
    position = f"{header['CRVAL1']:.6f}, {header['CRVAL2']:+.6f}"
    shown = browse([path], (page / build.SINGLE).as_uri(), position=position)
    first, second = csv.DictReader(io.StringIO(shown["csv"]))
    with FitsMap(path) as sky:
        cutout = sky.cutout(position.replace(" ", ""))
    wanted = classifier.classify(cutout)
    assert wanted.label == "FRII"
    assert (first["label"], first["flags"]) == (wanted.label, ";".join(cutout.flags))
    np.testing.assert_allclose(float(first["p_frii"]), wanted.p_frii, atol=1e-4)
    np.testing.assert_allclose(float(first["ra"]), header["CRVAL1"], atol=1e-6)
    assert second["label"] == "no_source"


def test_without_node_the_build_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"node is not installed: the page needs Node\.js 20"):
        build.require_node()
