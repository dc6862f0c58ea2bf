"""Read how far the path from photos to a model is, and estimate what is left of it.

Nothing of it is kept: library, jobs, exports and runs are what they are, whoever asks and after any restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.training.splits import MANIFEST
from dashboard.shared.jobs import read_rates
from dashboard.views.export.page import exports_of
from dashboard.views.train.form import SHIPPED, fine_tuning_preset, pace_of_earlier
from dashboard.views.train.run import model_of

if TYPE_CHECKING:
    import pandas as pd

    from core.training.runs import Run
    from curation.library.library import Library
    from curation.library.versions import Version

TRIAL_STEPS = 12  # tell the pace of a machine that has not trained yet
LEAST_STEPS = 50
PHOTOS_PER_SECOND = (3.0, 25.0)  # judged on one and on two cores, until this machine has judged some
WORKERS_START_S = 20.0
EXPORT_S = (0.03, 0.3)  # a photo: comparing faces the first time is most of it

Seconds = tuple[float, float]


@dataclass(frozen=True)
class GuidedPath:
    """How far it is.

    Attributes
    ----------
    images, examined, kept, decided
        Photos of the library; those that count as kept, by people or the rules; those that people have decided.
    left_out
        How many photos each rule leaves out, the most first, by the rules' titles.
    frozen
        The latest version, where it holds exactly what is kept now.
    version, pairs
        The latest version that is exported as pairs, and where these lie.
    changed
        How many photos are kept and not in that version, or the other way round.
    run
        The latest training on these pairs.
    model
        What its weights are called among the models; empty where they are not.
    busy
        Kinds of the jobs of curation that are at work.
    """

    images: int
    examined: int
    kept: int
    decided: int
    left_out: dict[str, int]
    frozen: Version | None
    version: Version | None
    pairs: Path | None
    changed: int
    run: Run | None
    model: str
    busy: frozenset[str]

    @property
    def is_training_open(self) -> bool:
        """Whether it is still to be chosen how long it trains."""
        return self.run is None or (self.is_trial and not self.run.is_alive)

    @property
    def is_trial(self) -> bool:
        """Whether the run has only measured its pace so far."""
        return self.run is not None and 0 < self.run.steps <= TRIAL_STEPS

    @property
    def has_weights(self) -> bool:
        """Whether there is something to draw with."""
        return self.run is not None and bool(self.run.saved) and not self.is_trial


def read_path(library: Library, runs: Sequence[Run]) -> GuidedPath:
    """Read it from the library and the runs, the latest of which come first."""
    from curation.jobs import jobs

    counts, table = library.counts(), library.table()
    kept = set(table.index[table["state"] == "keep"])
    versions = sorted(library.versions(), key=lambda version: version.created, reverse=True)
    exported = (
        (version, Path(one.out))
        for version in versions
        for one in exports_of(library.root, version.name)
        if (Path(one.out) / MANIFEST).is_file()
    )
    version, pairs = next(exported, (None, None))
    run = next((run for run in runs if pairs is not None and _is_on(run, pairs)), None)
    return GuidedPath(
        images=counts["images"],
        examined=counts["examined"],
        kept=len(kept),
        decided=counts["decided"],
        left_out=_left_out(library, table),
        frozen=versions[0] if versions and set(versions[0].ids) == kept else None,
        version=version,
        pairs=pairs,
        changed=len(kept ^ set(version.ids)) if version else 0,
        run=run,
        model=model_of(run) if run else "",
        busy=frozenset(job.kind for job in jobs(library.root) if job.state == "running"),
    )


def _left_out(library: Library, table: pd.DataFrame) -> dict[str, int]:
    titles = {rule.name: rule.title for rule in library.rules().rules}
    broken = (
        table.loc[(table["state"] == "reject") & (table["rule"] != ""), "rule"].astype(str).value_counts()
    )
    return {titles.get(str(rule), str(rule)): int(count) for rule, count in broken.items()}


def _is_on(run: Run, pairs: Path) -> bool:
    from core.training.kinds import dig
    from core.training.request import read_config

    return run.kind == SHIPPED and str(dig(read_config(run.folder), "data.root", "")) == str(pairs.absolute())


def pace_of(runs: Sequence[Run]) -> float:
    """Seconds a step of fine-tuning on this machine; 0 where nobody has trained so yet."""
    preset = fine_tuning_preset()
    size, batch = int(preset.get("data.image_size", 256)), int(preset.get("loop.batch_size", 4))
    return pace_of_earlier(SHIPPED, size, batch, runs)


def steps_within(budget_s: float, pace: float) -> int:
    """Choose the steps of a training that may take so long: whole fifties, at most the preset's."""
    most = int(fine_tuning_preset().get("loop.steps", 0))
    return max(LEAST_STEPS, min(most, int(budget_s / pace) // LEAST_STEPS * LEAST_STEPS))


def time_left(path: GuidedPath, photos: int, library: Path, *, budget_s: float, pace: float) -> Seconds:
    """Estimate from when to when everything that is left is done.

    Parameters
    ----------
    photos
        Those of the library, or as many as are to come.
    budget_s
        How long the training may take.
    pace
        Seconds a step, 0 where it is not known: the training takes all of its time at most then.
    """
    parts: list[Seconds] = []
    if pending := photos - path.examined:
        rates = read_rates(library) or PHOTOS_PER_SECOND
        parts.append((pending / max(rates), pending / min(rates) + WORKERS_START_S))
    if path.pairs is None:
        count = photos if pending else path.kept
        parts.append((EXPORT_S[0] * count, EXPORT_S[1] * count + WORKERS_START_S))
    seconds = 0.0
    if path.is_training_open:
        seconds = pace * steps_within(budget_s, pace) if pace else 0.0
        parts.append((0.9 * seconds, 1.3 * seconds) if seconds else (0.0, budget_s))
    elif path.run is not None and (seconds := path.run.seconds_left or 0.0):
        parts.append((0.9 * seconds, 1.3 * seconds))
    return sum(low for low, _high in parts), sum(high for _low, high in parts)
