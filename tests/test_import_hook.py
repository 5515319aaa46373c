"""`when_imported`: the function is called once, when the module is there."""

import importlib
import importlib.util
import sys

import pytest

from keras_astroattn.import_hook import when_imported


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Name of a module that can be imported and has a value; its finders are removed again."""
    (tmp_path / "hooked_module.py").write_text("value = 7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield "hooked_module"
    sys.modules.pop("hooked_module", None)


def test_the_function_is_called_once_after_the_module_was_executed(module):
    seen = []
    when_imported(module, lambda: seen.append(sys.modules[module].value))
    assert seen == []
    assert importlib.import_module(module).value == 7
    assert seen == [7]
    del sys.modules[module]
    importlib.import_module(module)
    assert seen == [7]


def test_a_module_that_is_there_calls_the_function_at_once(module):
    importlib.import_module(module)
    seen = []
    when_imported(module, lambda: seen.append("called"))
    assert seen == ["called"]


def test_a_search_for_the_module_does_not_call_the_function(module):
    seen = []
    when_imported(module, lambda: seen.append("called"))
    assert importlib.util.find_spec(module).origin.endswith("hooked_module.py")
    assert seen == []
    importlib.import_module(module)
    assert seen == ["called"]


def test_two_functions_of_one_module_are_both_called(module):
    seen = []
    when_imported(module, lambda: seen.append("first"))
    when_imported(module, lambda: seen.append("second"))
    importlib.import_module(module)
    assert sorted(seen) == ["first", "second"]


def test_a_module_that_fails_does_not_call_the_function(tmp_path, module):
    (tmp_path / "hooked_module.py").write_text("raise ValueError('broken')\n")
    seen = []
    when_imported(module, lambda: seen.append("called"))
    with pytest.raises(ValueError, match="broken"):
        importlib.import_module(module)
    assert seen == []


def test_a_missing_module_is_missing_as_before(module):
    when_imported("there_is_no_such_module", lambda: pytest.fail("called"))
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        importlib.import_module("there_is_no_such_module")
    assert importlib.util.find_spec("there_is_no_such_module") is None
