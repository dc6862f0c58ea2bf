"""The quality check's pictures: one model at every setting, and all models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.quality.cases import Case
from eval.quality.contact_sheet import contact_sheet
from eval.quality.measure import SETTINGS, Photo, Pipeline
from eval.quality.models import HEADLINE
from eval.quality.report import Setting


def sheet_of(
    pipeline: Pipeline, cases: Sequence[Case], *, settings: Sequence[Setting] = SETTINGS, side: int = 256
) -> Photo:
    """A contact sheet: sketch, refined sketch, the photos at every setting, and the true one."""
    headings = ["sketch", f"refined, {HEADLINE.label}", *(setting.label for setting in settings)]
    has_truth = any(case.photo is not None for case in cases)
    rows = []
    for case in cases:
        results = [pipeline(case.sketch, t=setting.t, mode=setting.mode) for setting in settings]
        refined = pipeline(case.sketch, t=HEADLINE.t, mode=HEADLINE.mode).refined_sketch
        row = [case.sketch, refined, *(result.photo for result in results)]
        rows.append([*row, case.photo] if has_truth else row)
    headings += ["true photo"] if has_truth else []
    return contact_sheet(rows, headings, names=[case.name for case in cases], side=side)


def compare_sheet(
    pipelines: Mapping[str, Pipeline], cases: Sequence[Case], *, setting: Setting = HEADLINE, side: int = 256
) -> Photo:
    """A contact sheet of all models at one setting: sketch, a photo each, and the true one."""
    has_truth = any(case.photo is not None for case in cases)
    rows = []
    for case in cases:
        photos = [run(case.sketch, t=setting.t, mode=setting.mode).photo for run in pipelines.values()]
        rows.append([case.sketch, *photos, *([case.photo] if has_truth else [])])
    headings = ["sketch", *pipelines, *(["true photo"] if has_truth else [])]
    return contact_sheet(rows, headings, names=[case.name for case in cases], side=side)
