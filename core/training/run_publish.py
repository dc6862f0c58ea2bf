"""Take a run into use: its weights become a model that the Draw page offers."""

from __future__ import annotations

from pathlib import Path

from core.atomic_files import write_atomically
from core.checkpoints import read_info
from core.errors import AssetMissing
from core.models.families import GENERATORS
from core.models.folder import generators, plain_name
from core.processes.lock import Held, hold
from core.training.data import DataConfig
from core.training.kinds import KINDS, dig
from core.training.publish import publish
from core.training.request import read_config
from core.training.run_files import WEIGHTS_FILE
from core.training.runs import Run, RunError


def is_generator_run(run: Run) -> bool:
    """Whether a run's weights are those of a stage 2 network."""
    try:
        return read_info(run.folder / WEIGHTS_FILE).family in GENERATORS
    except (AssetMissing, ValueError, KeyError):
        return False


def publish_run(run: Run, name: str, *, weights: Path, models: Path) -> Path:
    """Copy a run's generator into the folder of models, under a name that nothing has yet, with a card.

    Parameters
    ----------
    weights
        Folder of the shipped models, whose names are taken.
    models
        Folder of the models that people imported or trained.

    Raises
    ------
    RunError
        If the name is taken or no file name, or the run has no weights of a generator yet.
    """
    try:
        name = plain_name(name)
        if not is_generator_run(run):
            raise RunError(
                f"{run.name} has no weights of a generator yet; they are written at every save (loop.save_every)."
            )
        models.mkdir(parents=True, exist_ok=True)
        with hold(models / ".publishing", "Somebody else is putting a model there. Try again."):
            if name in generators(weights, models) or (models / f"{name}.safetensors").exists():
                raise RunError(f"There is a model {name} already. Choose another name.")
            path = publish(run.folder, DataConfig(Path(_data_of(run))), models, name)
        write_atomically(path.with_suffix(".md"), card_of(run, name).encode())
    except (OSError, Held, ValueError, AssetMissing) as error:
        raise RunError(f"{run.name} could not be taken into use: {error}") from error
    return path


def card_of(run: Run, name: str) -> str:
    """A model card of what the run knows about itself."""
    config = read_config(run.folder)
    info = read_info(run.folder / WEIGHTS_FILE)
    title = KINDS[run.kind].title if run.kind in KINDS else info.family
    step = int(info.provenance.get("steps", 0))
    return "\n".join([
        f"# {name}",
        "",
        f"{title}, trained here as run *{run.name}*" + (f" by {run.who}" if run.who else "") + ".",
        "",
        f"- Data: `{_data_of(run)}`, {info.provenance.get('train_pairs', '?')} training pairs",
        f"- Resolution: {info.provenance.get('image_size', '?')} px",
        f"- Steps: {step:,} of {run.steps:,}, batch {dig(config, 'loop.batch_size', '?')}",
        f"- Licence of the weights: {info.licence}",
        "",
        "Its quality was not measured. Run: `python -m eval.quality --data PAIRS --out report.json`.",
        "",
    ])  # fmt: skip


def _data_of(run: Run) -> str:
    return str(dig(read_config(run.folder), "data.root", "unknown"))
