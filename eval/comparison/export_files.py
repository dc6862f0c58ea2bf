"""A finished comparison as files: JSON, CSV, HTML and PDF."""

from __future__ import annotations

from pathlib import Path

from core.atomic_files import write_atomically
from eval.comparison.export_csv import to_csv
from eval.comparison.result import RESULT_FILE, read_comparison


def write_files(
    folder: Path,
    *,
    json: Path | None = None,
    csv: Path | None = None,
    html: Path | None = None,
    pdf: Path | None = None,
) -> None:
    """Write what is asked for; each appears whole or not at all.

    Parameters
    ----------
    folder
        Of the comparison, with its result and pictures.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    if json:
        write_atomically(json, (folder / RESULT_FILE).read_bytes())
    comparison = read_comparison(folder)
    if csv:
        write_atomically(csv, to_csv(comparison).encode())
    if html:
        from eval.comparison.export_html import to_html

        write_atomically(html, to_html(comparison, folder).encode())
    if pdf:
        from eval.comparison.export_pdf import to_pdf

        write_atomically(pdf, to_pdf(comparison, folder))
