"""A result as a file: table, machine-readable, or a report to read or print. Made when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.spool import harmless

if TYPE_CHECKING:
    from eval.comparison.shelf import Entry


def show_export(entry: Entry) -> None:
    """A menu of the four kinds."""
    comparison = entry.comparison
    assert comparison is not None

    def as_csv() -> bytes:
        from eval.comparison.export_csv import to_csv

        return to_csv(comparison).encode("utf-8-sig")  # so that spreadsheets see that it is UTF-8

    def as_json() -> bytes:
        from eval.comparison.result import RESULT_FILE

        return (entry.folder / RESULT_FILE).read_bytes()

    def as_html() -> bytes:
        from eval.comparison.export_html import to_html

        return to_html(comparison, entry.folder).encode()

    def as_pdf() -> bytes:
        from eval.comparison.export_pdf import to_pdf

        return to_pdf(comparison, entry.folder)

    name = harmless(comparison.title.lower().replace(" ", "-"))
    kinds = (
        ("CSV", "Table", "csv", "text/csv", as_csv),
        ("JSON", "Everything", "json", "application/json", as_json),
        ("HTML", "Report, one file", "html", "text/html", as_html),
        ("PDF", "Report to print", "pdf", "application/pdf", as_pdf),
    )
    with st.popover("Export", icon=":material/download:", key=f"compare_export_{entry.id}"):
        for label, says, ending, mime, make in kinds:
            st.download_button(
                f"{label} · {says}", make, file_name=f"{name}.{ending}", mime=mime, width="stretch",
                key=f"compare_{ending}_{entry.id}", on_click="ignore",
            )  # fmt: skip
