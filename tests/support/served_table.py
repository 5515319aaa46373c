"""Tables of classified sources to serve, as they are on the disk."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = {
    "id": ["Alpha", "beta", "gamma", "delta", None],
    "aa_row": [4, 2, 0, 1, 3],
    "aa_ra": [10.0, 20.0, 30.0, 40.0, 50.0],
    "aa_dec": [-5.0, 5.0, 0.0, 0.0, 0.0],
    "aa_path": ["a.fits", "a.fits", "b.fits", "b.fits", None],
    "aa_label": ["FRI", "FRII", "FRI", "uncertain", "error"],
    "aa_p_fri": [0.9, 0.2, 0.7, 0.5, None],
    "aa_p_frii": [0.1, 0.8, 0.3, 0.5, None],
    "aa_entropy_nats": [0.33, 0.50, 0.61, 0.69, None],
    "aa_peak_snr": [10.0, 30.0, 20.0, 5.0, None],
    "aa_largest_angular_size_arcsec": [40.0, 20.0, 30.0, 20.0, None],
    "aa_flags": ["low_snr", "", "edge;low_snr", None, None],
    "aa_error": [None, None, None, None, "off the tile"],
    "aa_model": ["agcnn_mirabest"] * 5,
}
"""Rows of a survey, out of the order of the catalogue, as a survey writes them."""


def write_parts(folder: Path, rows: dict = ROWS) -> Path:
    """The rows as the folder of a survey: two files, of three rows and the others."""
    folder.mkdir()
    table = pa.table(rows)
    for number, part in enumerate((table.slice(0, 3), table.slice(3))):
        pq.write_table(part, folder / f"part-{number:06d}.parquet")
    return folder
