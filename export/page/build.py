"""Bundle the page: a folder to be hosted, and one HTML file that opens from disk."""

import base64
import gzip
import hashlib
import html
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from keras_astroattn.edge import open_model
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path, write_text
from keras_astroattn.samples import sample_paths
from keras_astroattn.version import __version__

PAGE = Path(__file__).parent
SINGLE = "keras-astroattn.html"
"""Name of the single file."""

_WASM = PAGE / "node_modules" / "@litertjs" / "core" / "wasm"
_COMPATIBLE = "litert_wasm_compat_internal"  # runs in every browser with WASM
_HOSTED = (_COMPATIBLE, "litert_wasm_internal")
_OLDEST_NODE = 20
_NEEDED = f"the page needs Node.js {_OLDEST_NODE} or later"
_PATIENCE = 300.0  # seconds for npm
_SHOWN = ("@litertjs/core", "@litertjs/wasm-utils", "d3-contour", "d3-array", "internmap")
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
    "script-src {script} 'wasm-unsafe-eval'; worker-src {worker}; style-src {style}; "
    "connect-src {connect}"
)


def require_node() -> None:
    """Refuse to build without Node.js.

    Raises:
        InputError: `node` or `npm` is not on the path, or Node.js is too old.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise InputError(f"{program} is not installed: {_NEEDED}")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0] or 0) < _OLDEST_NODE:
        raise InputError(f"Node.js {version} is too old: {_NEEDED}")


def install() -> None:
    """Install the packages of package-lock.json into node_modules, if they are not there.

    Raises:
        InputError: Npm fails.
    """
    lock = (PAGE / "package-lock.json").read_bytes()
    stamp = PAGE / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], "npm ci")
    stamp.write_text(wanted)


def bundle(entry: str, target: Path, *options: str) -> None:
    """Bundle a TypeScript file with esbuild.

    Args:
        entry: path in this folder.
        target: path of the JavaScript file.
        *options: further options of esbuild.

    Raises:
        InputError: Esbuild fails.
    """
    command = [str(PAGE / "node_modules" / ".bin" / "esbuild"), entry, "--bundle"]
    _run([*command, f"--outfile={target}", "--log-level=warning", *options], "esbuild")


def check_types() -> None:
    """Check the types of all TypeScript.

    Raises:
        InputError: The types are wrong.
    """
    _run([str(PAGE / "node_modules" / ".bin" / "tsc"), "--noEmit"], "tsc")


def build(output: Path, model: str) -> list[Path]:
    """Build the hosted page and the single file.

    Args:
        output: folder of the hosted page; the single file is written into it too.
        model: name of a preset, or path of a .tflite file.

    Returns:
        Paths of the files.

    Raises:
        InputError: Node.js is missing, a tool fails, or the model is not one.
    """
    require_node()
    network = open_model(model)
    install()
    check_types()
    with tempfile.TemporaryDirectory() as folder:
        script, worker = Path(folder, "page.js"), Path(folder, "worker.js")
        web = ("--minify", "--format=iife", "--target=es2022", "--platform=browser")
        bundle("src/ui/page.ts", script, *web)
        bundle("src/worker.ts", worker, *web)
        page = _Parts(
            script.read_text(encoding="utf-8"),
            worker.read_text(encoding="utf-8"),
            (PAGE / "src" / "style.css").read_text(encoding="utf-8"),
            network.content,
        )
    output.mkdir(parents=True, exist_ok=True)
    return [*page.write_hosted(output), page.write_single(output)]


class _Parts:
    """The bundled parts of the page."""

    def __init__(self, script: str, worker: str, style: str, model: bytes):
        self.script, self.worker, self.style, self.model = script, worker, style, model

    def write_hosted(self, folder: Path) -> list[Path]:
        """Write the page as files to be served from any folder of a web server."""
        policy = _POLICY.format(script="'self'", worker="'self'", style="'self'", connect="'self'")
        page = _page(
            policy,
            style='<link rel="stylesheet" href="style.css">',
            script='<script src="page.js"></script>',
        )
        texts = {
            "index.html": page, "page.js": self.script,
            "worker.js": self.worker, "style.css": self.style,
        }  # fmt: skip
        binaries = {"model.tflite": self.model}
        for name in _HOSTED:
            for suffix in (".js", ".wasm"):
                binaries[f"litert/{name}{suffix}"] = (_WASM / f"{name}{suffix}").read_bytes()
        for path in sample_paths():
            binaries[f"samples/{path.name}"] = path.read_bytes()
        for name, text in texts.items():
            write_text(folder / name, text)
        for name, content in binaries.items():
            (folder / name).parent.mkdir(exist_ok=True)
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)
        return [folder / name for name in (*texts, *binaries)]

    def write_single(self, folder: Path) -> Path:
        """Write the page as one file; a worker from a Blob holds the script of the WASM module."""
        glue = (_WASM / f"{_COMPATIBLE}.js").read_text(encoding="utf-8")
        assets = {
            "model": self.model,
            "wasm": (_WASM / f"{_COMPATIBLE}.wasm").read_bytes(),
            "worker": f"{glue}\n{self.worker}".encode(),
            **{path.name: path.read_bytes() for path in sample_paths()},
        }
        data = "\n".join(
            f'<script type="text/plain" id="asset-{name}">{_packed(content)}</script>'
            for name, content in assets.items()
        )
        script = self.script.replace("</script", "<\\/script")
        policy = _POLICY.format(
            script=f"'{_hash(script)}'",
            worker="blob:",
            style=f"'{_hash(self.style)}'",
            connect="'none'",
        )
        page = _page(
            policy,
            style=f"<style>{self.style}</style>",
            script=f"<script>{script}</script>",
            data=data,
        )
        write_text(folder / SINGLE, page)
        return folder / SINGLE


def _page(policy: str, style: str, script: str, data: str = "") -> str:
    weights = (PAGE.parents[1] / "LICENSE-WEIGHTS").read_text(encoding="utf-8")
    parts = {
        "policy": policy, "style": style, "script": script, "data": data,
        "weights": html.escape(weights), "licences": html.escape(_licences()),
        "version": __version__,
    }  # fmt: skip
    page = (PAGE / "src" / "index.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def _licences() -> str:
    """Return the licences of the software that is part of the page."""
    notices = [
        "keras-astroattn: Apache License 2.0.",
        "LiteRT.js includes TensorFlow Lite, XNNPACK and other components under the Apache License "
        "2.0 and BSD licences.",
    ]
    for name in _SHOWN:
        folder = PAGE / "node_modules" / name
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        notices.append(f"{name} {package['version']}: {package['license']}.")
        texts = sorted(folder.glob("LICENSE*"))
        notices += [path.read_text(encoding="utf-8").strip() for path in texts]
    notices.append((PAGE.parents[1] / "LICENSE").read_text(encoding="utf-8").strip())
    return "\n\n".join(notices)


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(command, cwd=PAGE, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise InputError(f"{name} took longer than {_PATIENCE:.0f} s: try again") from None
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise InputError(f"{name} failed: {' '.join(lines[-5:])[:500]}")
