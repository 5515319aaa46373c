"""`python -m fuzz`: make damaged files, open each, and count what becomes of them."""

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from .kinds import KINDS, make_file
from .runner import OUTCOMES, run_alone
from .seeds import write_companions

NOTE = Path(__file__).resolve().parents[2] / "docs" / "notes" / "fuzzing.md"

_SLOW = ("tiles", "results", "keras")
_FAULTS = OUTCOMES[2:]

_PAGE = """# Fuzzing

The commands must open files from other programs, damaged files and malicious files safely. This
table counts the results for damaged files. A seeded generator makes each file from an intact one:
it changes bytes, header cards, numbers, words and lines, and compresses the result again where the
format has a checksum of its own. Each file is opened in a process of its own.

Repeat it with `make fuzz`, or one kind with `make fuzz FUZZ='KIND --count N --seed {seed}'`.
The command writes this page when it runs all kinds.

| files | count | right | refused | traceback | crash | hang | over 1 GiB | code or address |
|---|---|---|---|---|---|---|---|---|
{rows}

| column | meaning |
|---|---|
| right | the command gave an answer: the change did no harm, or no checksum shows it |
| refused | one clear line, and no answer |
| traceback | a Python error, or the name of one in a row of the table |
| crash | the process ended by a signal |
| hang | more than 20 s |
| code or address | the file made the process run a command or open a network address |
"""

app = cyclopts.App(name="python -m fuzz", help=__doc__, version_flags=[])


@app.default
def fuzz(
    kinds: Annotated[list[Literal[tuple(KINDS)]] | None, Parameter(negative="")] = None,
    /,
    *,
    count: int | None = None,
    seed: int = 0,
    first: int = 0,
    keep: Path | None = None,
) -> int:
    """Make damaged files, open each, and count what becomes of them.

    Args:
        kinds: Kinds of files; by default all, and then the page in docs/notes is written.
        count: Number of files of a kind; by default 1000, and 300 of the slow kinds.
        seed: Of the generator.
        first: Number of the first file, to repeat one.
        keep: Folder for the files that were neither opened nor refused.
    """
    rows, faults = [], 0
    for kind in kinds or KINDS:
        wanted = count or (300 if kind in _SLOW else 1000)
        counts = _run(kind, range(first, first + wanted), seed, keep)
        cells = [str(wanted), *(str(counts[outcome]) for outcome in OUTCOMES)]
        rows.append(f"| {KINDS[kind].what} | " + " | ".join(cells) + " |")
        faults += sum(counts[outcome] for outcome in _FAULTS)
        print(rows[-1], flush=True)
    if not kinds:
        NOTE.parent.mkdir(parents=True, exist_ok=True)
        NOTE.write_text(_PAGE.format(seed=seed, rows="\n".join(rows)), encoding="utf-8")
        print(NOTE)
    return 1 if faults else 0


def _run(kind: str, numbers: range, seed: int, keep: Path | None) -> Counter[str]:
    counts: Counter[str] = Counter()
    KINDS[kind].prepare()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_companions(folder)
        for number in numbers:
            path = make_file(kind, seed, number, folder)
            outcome = run_alone(KINDS[kind].target, path)
            counts[outcome.kind] += 1
            if outcome.kind in _FAULTS:
                print(f"{path.name}: {outcome.kind}: {outcome.detail}", file=sys.stderr, flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, keep)
            path.unlink()
    return counts


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
