"""What importing the package does, each in a process of its own."""

import importlib
import subprocess
import sys

import pytest
from support.backends import run_python

import keras_astroattn

HEAVY = ["keras", "tensorflow", "jax", "torch", "astropy", "matplotlib", "scipy", "PIL", "numpy"]


def test_import_is_light():
    code = (
        "import sys, keras_astroattn; "
        f"print([name for name in {HEAVY} if name in sys.modules], keras_astroattn.__version__)"
    )
    assert run_python("-c", code).stdout.startswith("[] ")


def test_subpackages_are_listed_and_unknown_names_refused():
    code = """
import keras_astroattn
print("models" in dir(keras_astroattn))
try:
    keras_astroattn.nothing
except AttributeError as error:
    print(error)
"""
    shown = run_python("-c", code).stdout
    assert shown.startswith("True\n")
    assert "nothing" in shown


@pytest.mark.parametrize("package", keras_astroattn.__all__)
def test_every_public_name_exists(package):
    module = importlib.import_module(f"keras_astroattn.{package}")
    missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
    assert not missing


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A file that holds a model and layers of this package."""
    keras = pytest.importorskip("keras")
    from keras_astroattn.layers import RandomAffine
    from keras_astroattn.models import AGCNN

    image = keras.Input((24, 24, 1))
    network = AGCNN(gates=1, input_shape=(24, 24, 1))
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    keras.Model(image, network(RandomAffine(seed=0)(image))).save(path)
    return path


ORDERS = {
    "package first": "import keras_astroattn; import keras",
    "keras first": "import keras; import keras_astroattn",
    "layers alone": "import keras_astroattn.layers; import keras",
    "models alone": "import keras_astroattn.models; import keras",
}


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(code, id=name, marks=[pytest.mark.slow] if name == "models alone" else [])
        for name, code in ORDERS.items()
    ],
)
def test_saved_model_loads_without_custom_objects(order, saved_model):
    code = f"""
{order}
# Keras could find some classes by their modules, too; registered, it need not.
for name in ("AGCNN", "ClassicCNN", "RandomAffine", "AttentionGate", "FineTunedAggregation"):
    assert keras.saving.get_registered_object("keras_astroattn>" + name) is not None, name
model = keras.models.load_model({str(saved_model)!r})
print([type(layer).__name__ for layer in model.layers])
"""
    shown = run_python("-W", "error::DeprecationWarning:keras_astroattn", "-c", code).stdout
    assert "['InputLayer', 'RandomAffine', 'AGCNN']" in shown


def test_without_keras_the_package_still_imports():
    """Whoever installs the base dependencies alone has no Keras."""
    code = """
import sys
sys.modules["keras"] = None
import keras_astroattn
import keras_astroattn.images
import keras_astroattn.errors
"""
    run_python("-c", code)


def test_missing_keras_is_reported_by_its_name():
    code = "import sys; sys.modules['keras'] = None; import keras_astroattn.layers"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert (
        "keras_astroattn.layers needs Keras: pip install 'keras-astroattn[train]'"
        in (done.stderr.splitlines()[-1])
    )
