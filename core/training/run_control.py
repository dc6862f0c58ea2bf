"""Make, start, stop, resume, delete and publish the runs that `core.training.runs` reads.

Of two people who press the same button at once one starts the run, and the other finds it started.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from core.atomic_files import write_atomically
from core.checkpoints import read_info
from core.config import settings
from core.errors import AssetMissing
from core.models.folder import generators, is_generator, plain_name
from core.processes import jobs as processes
from core.processes.jobs import now, write_record
from core.processes.lock import Held, hold
from core.training.data import DataConfig
from core.training.kinds import KINDS, dig
from core.training.publish import publish
from core.training.recipe import CHECKPOINT_FILE, LOSSES_FILE, STOP_FILE, WEIGHTS_FILE
from core.training.request import (
    REFINER_FILE,
    RunRequest,
    changed_config,
    check_config,
    config_of,
    read_config,
    write_config,
)
from core.training.runs import ATTEMPTS, REQUEST_FILE, Run, RunError, read_run, runs

TURN = ".turn"  # lock of whoever starts any of them
STARTING = "starting"  # lock of whoever starts or removes the run
MIN_FREE_BYTES = 500_000_000
STOP_NOW_S = 3.0
_MODULE = "core.training.run_process"


def create(root: Path, request: RunRequest) -> Run:
    """Make a run and start it.

    Raises
    ------
    ValueError
        If something asked for is wrong; nothing is made then.
    RunError
        If the name is taken, the disk is full, or the folder cannot be written to.
    """
    request = replace(request, name=plain_name(request.name))
    _check_disk(root)
    if (root / request.name).exists():
        raise RunError(_taken(request.name))
    draft = Path(mkdtemp(prefix=".new-", dir=root))
    try:
        if request.refiner is not None and KINDS[request.kind].takes_refiner:
            shutil.copyfile(request.refiner, draft / REFINER_FILE)
        write_config(draft, config_of(request, draft))
        check_config(request.kind, draft)
        write_config(draft, config_of(request, root / request.name))
        about = {"kind": request.kind, "who": request.who, "preset": request.preset, "created": now()}
        write_record(draft / REQUEST_FILE, about)
        draft.chmod(0o755)
        with hold(root / ".making", "Somebody else is making a run at this moment. Try again."):
            if (root / request.name).exists():  # a rename would replace an empty folder
                raise RunError(_taken(request.name))
            draft.rename(root / request.name)
    except (OSError, Held) as error:
        raise RunError(f"The run could not be made: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return start(root, request.name)


def start(root: Path, name: str) -> Run:
    """Start a run, or go on where it stopped; one that is running is left alone.

    Raises
    ------
    RunError
        If it is not there, was not made here, is finished, the disk is full, or as many as may already train.
    """
    run = read_run(root, name)
    try:
        with hold(run.folder / STARTING, f"Somebody else is starting {name} at this moment."):
            run = read_run(root, name)
            if run.is_alive:
                return run
            if not run.can_go_on or run.kind not in KINDS:
                raise RunError(
                    f"{name} cannot go on: it is {'finished' if run.state == 'done' else run.state}."
                )
            _check_disk(root)
            given = ["--run", str(run.folder.absolute()), "--module", KINDS[run.kind].module]
            with hold(root / TURN, "Somebody else is starting a training at this moment. Try again."):
                _check_turn(root)
                (run.folder / STOP_FILE).unlink(missing_ok=True)
                _sweep(run.folder)
                processes.start(run.folder / ATTEMPTS, run.kind, _MODULE, [], surroundings=given)
    except (OSError, Held) as error:
        raise RunError(f"{name} could not be started: {error}") from error
    return read_run(root, name)


def go_on(root: Path, name: str, changes: dict[str, Any], more: str = "") -> Run:
    """Train a run that has ended further, with more steps, another rate, or pairs that have moved.

    Parameters
    ----------
    changes
        Settings by their dotted names; see `core.training.recipe.MAY_CHANGE`.
    more
        Others, as YAML.

    Raises
    ------
    ValueError
        If a setting is wrong or must stay as it is; the run is as it was then.
    RunError
        As `start`.
    """
    run = read_run(root, name)
    if run.is_alive or run.kind not in KINDS:
        raise RunError(f"{name} is {'in training: stop it first' if run.is_alive else 'no run of a page'}.")
    config = changed_config(read_config(run.folder), changes, more)
    steps = dig(config, "loop.steps", 0)
    if run.saved and isinstance(steps, int) and steps <= run.saved:
        raise ValueError(f"{name} is at step {run.saved:,} already. Ask for more steps than that.")
    draft = Path(mkdtemp(prefix=".new-", dir=root))
    try:
        write_config(draft, config)
        check_config(run.kind, draft)
        with hold(run.folder / STARTING, f"Somebody else is starting {name} at this moment."):
            write_config(run.folder, config)
    except (OSError, Held) as error:
        raise RunError(f"{name} could not be changed: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return start(root, name)


def ask_to_stop(root: Path, name: str) -> Run:
    """Ask a run to save and end after its present step; returns at once.

    Raises
    ------
    RunError
        If there is none of that name, or the request cannot be written.
    """
    run = read_run(root, name)
    if run.is_alive:
        try:
            (run.folder / STOP_FILE).touch()
        except OSError as error:
            raise RunError(f"{name} could not be asked: {error}. Stop it at once instead.") from error
    return read_run(root, name)


def stop_now(root: Path, name: str) -> Run:
    """End a run at once, with what it saved last."""
    run = read_run(root, name)
    if run.job is not None and run.job.state == "running":
        processes.stop(run.folder / ATTEMPTS, run.job.id, patience_s=STOP_NOW_S)
        (run.folder / STOP_FILE).unlink(missing_ok=True)
    return read_run(root, name)


def remove(root: Path, name: str) -> None:
    """Delete a run with everything it wrote.

    Raises
    ------
    RunError
        If it is running, or cannot be deleted.
    """
    run = read_run(root, name)
    try:
        with hold(run.folder / STARTING, f"Somebody else is starting {name} at this moment."):
            if read_run(root, name).is_alive:
                raise RunError(f"{name} is running. Stop it first.")
            if run.folder.is_symlink():
                run.folder.unlink()
                return
            bin_ = Path(mkdtemp(prefix=".removed-", dir=root))
            run.folder.rename(bin_ / name)
    except (OSError, Held) as error:
        raise RunError(f"{name} could not be removed: {error}") from error
    for left in root.glob(".removed-*"):  # also what a kill left behind earlier
        shutil.rmtree(left, ignore_errors=True)


def _check_turn(root: Path) -> None:
    busy = [run.name for run in runs(root) if run.is_alive]
    most = settings().trainings_at_once
    if len(busy) >= most:
        raise RunError(
            f"{', '.join(busy)} {'is' if len(busy) == 1 else 'are'} in training, and {most} at once is the limit here "
            "(STUDIO_TRAININGS_AT_ONCE). Start this one when one of them has ended, or stop one; it is kept."
        )


def _check_disk(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
    except OSError as error:
        raise RunError(f"{root} cannot be used: {error}") from error
    if free < MIN_FREE_BYTES:
        raise RunError(
            f"Only {free / 1e6:,.0f} MB are free on the disk of {root}; a training needs "
            f"{MIN_FREE_BYTES / 1e6:,.0f} MB for its checkpoints. Remove old runs, or make room."
        )


def _sweep(folder: Path) -> None:
    """Take away halves of files that a kill left behind."""
    for name in (CHECKPOINT_FILE, WEIGHTS_FILE, LOSSES_FILE):
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)
    for left in (folder / ATTEMPTS).glob("*.spare"):
        left.unlink(missing_ok=True)


def _taken(name: str) -> str:
    return f"There is a run {name} already. Choose another name."


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
        if not is_generator(run.folder / WEIGHTS_FILE):
            raise RunError(
                f"{run.name} has no weights of a generator yet; they are written at every save (loop.save_every)."
            )
        models.mkdir(parents=True, exist_ok=True)
        with hold(models / ".publishing", "Somebody else is putting a model there. Try again."):
            if name in generators(weights, models) or (models / f"{name}.safetensors").exists():
                raise RunError(f"There is a model {name} already. Choose another name.")
            path = publish(run.folder, DataConfig(Path(_data_of(run))), models, name)
            try:
                write_atomically(path.with_suffix(".md"), card_of(run, name).encode())
            except OSError:  # by its card the run knows its own model
                path.unlink()
                raise
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
        f"Its quality was not measured. Run: `python -m eval.run --pairs PAIRS --generators '{name}' pix2pixhd`.",
        "",
    ])  # fmt: skip


def _data_of(run: Run) -> str:
    return str(dig(read_config(run.folder), "data.root", "unknown"))
