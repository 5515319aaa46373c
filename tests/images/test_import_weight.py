"""What the edge must not load."""

import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from support.synthetic_maps import celestial_header, noise, write

from keras_astroattn.images import read_fits
from keras_astroattn.images.quiet import quiet

HEAVY = ("keras", "tensorflow", "torch", "jax", "scipy", "reproject", "matplotlib")


def loaded_after(code, *args):
    code += "\nimport sys; print(' '.join(sorted({m.split('.')[0] for m in sys.modules})))"
    answer = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


@pytest.mark.parametrize("package", ["images", "edge", "tables"])
def test_package_loads_neither_keras_nor_tensorflow(package):
    code = (
        f"import keras_astroattn.{package} as package\n"
        "for name in dir(package):\n"
        "    getattr(package, name)\n"
    )
    assert not loaded_after(code) & set(HEAVY)


def test_reading_fits_loads_no_coordinates_until_they_are_needed(tmp_path):
    shape = (300, 300)
    path = write(tmp_path / "a.fits", noise(shape), celestial_header(shape))
    code = (
        "import sys; from keras_astroattn.images import read_fits\n"
        "cutout = read_fits(sys.argv[1])\n"
        "assert 'astropy.wcs' not in sys.modules, 'astropy.wcs'\n"
        "assert cutout.wcs.naxis == 2\n"
        "read_fits(sys.argv[1], (180.0, 30.0), beam=2.0)\n"
    )
    assert not loaded_after(code, path) & {*HEAVY, "PIL"}


def test_maps_of_scaled_integers_are_read_without_astropy():
    code = (
        "from keras_astroattn.images import read_fits\n"
        "from keras_astroattn.samples import sample_paths\n"
        "read_fits(sample_paths()[0])\n"
    )
    assert "astropy" not in loaded_after(code)


def test_warnings_come_back_after_threads_leave_in_another_order():
    before = (list(warnings.filters), warnings.showwarning)
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first():
        with quiet():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(10)
    with quiet():
        second_in.set()
        first_out.wait(10)
        warnings.warn("not shown", UserWarning, stacklevel=1)
    thread.join()
    assert (list(warnings.filters), warnings.showwarning) == before


def test_many_threads_read_the_same_file(tmp_path):
    shape = (300, 300)
    path = write(tmp_path / "a.fits", noise(shape), celestial_header(shape))
    expected = read_fits(path).pixels
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(read_fits(path, (180.0, 30.0)).pixels))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for pixels in results:
        np.testing.assert_array_equal(pixels, expected)
