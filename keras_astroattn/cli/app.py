"""The `astroattn` command."""

import ast
import sys
from pathlib import Path

from keras_astroattn.command import new_app, run_app

app = new_app(
    name="astroattn",
    help="Classify radio galaxies as FRI or FRII, and show the network's attention.",
    version_flags=["--version"],
)


def _help_of(name: str) -> str:
    """Return the docstring of a command without Args, read without importing the command."""
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    (command,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return (ast.get_docstring(command) or "").partition("\n\nArgs:")[0]


# Registered by name, so that a command is imported only when it is called.
for _command in (
    *("demo", "classify", "plot", "survey", "check", "survey-summary", "report", "serve"),
    *("recalibrate", "send", "fetch", "info", "benchmark"),
):
    _name = _command.replace("-", "_")
    app.command(f"keras_astroattn.cli.{_name}:{_name}", name=_command, help=_help_of(_name))

app.register_install_completion_command(
    help="Let bash, zsh or fish complete the commands and options of `astroattn`."
)


def main() -> None:
    """Run the `astroattn` command and exit with its status."""
    sys.exit(run_app(app))
