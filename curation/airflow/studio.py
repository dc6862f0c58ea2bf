"""Schedule curation with Airflow 3: pictures come in by themselves, and a dataset goes out once somebody approves.

``studio_intake`` adds what is new in the drop folders and address lists, judges it in shards, finds duplicates and
tells reviewers when their queue has grown. ``studio_release`` waits for a person's approval, then freezes a version,
exports it and, where asked, trains on it. Each task is one of the studio's own commands, run by the studio's Python
and not by Airflow's. Every command goes on where one that was killed has stopped, so retries and backfills do nothing
twice.

Airflow variables: ``studio_sources`` (what scheduled runs read, separated by colons), ``studio_python`` (by default
``.venv/bin/python`` of this checkout), ``studio_webhook`` (gets ``{"text": ...}``, as chats take it). The studio's own
settings are environment variables of the workers.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, Variable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

STUDIO = Path(__file__).resolve().parents[2]
WRONG_ARGUMENTS = 2
KINDS = ["", "autoencoder", "parts", "pix2pixhd", "cyclegan", "ugatit"]
RETRIES = {"retries": 2, "retry_delay": timedelta(minutes=2)}


def studio(module: str, *arguments: object) -> dict[str, Any]:
    """Run one of the studio's commands and give the last JSON object that it prints; its log goes to the task's.

    Raises
    ------
    AirflowFailException
        If the arguments are wrong: another try would not help.
    RuntimeError
        If it stopped for another reason.
    """
    python = Variable.get("studio_python", default=str(STUDIO / ".venv" / "bin" / "python"))
    command = [python, "-m", module, *(str(argument) for argument in arguments)]
    with subprocess.Popen(command, cwd=STUDIO, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = ""
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                last = line if line.startswith("{") else last
        except BaseException:  # the task was cleared or marked
            process.terminate()
            raise
    if process.returncode == WRONG_ARGUMENTS:
        raise AirflowFailException(f"{module} was called with wrong arguments; its log says which.")
    if process.returncode:
        raise RuntimeError(f"{module} stopped with exit code {process.returncode}; its log says why.")
    found: dict[str, Any] = json.loads(last) if last else {}
    return found


def parameters() -> dict[str, Any]:
    """Give the run's parameters."""
    found: dict[str, Any] = dict(get_current_context()["params"])
    return found


def library() -> list[str]:
    """Name the library in the studio's commands."""
    path = parameters()["library"]
    return ["--library", path] if path else []


LIBRARY = Param("", type="string", description="Folder of the library; the studio's own where empty")


@dag(
    schedule="@daily",
    catchup=False,
    max_active_runs=1,  # the next run finds what this one has left
    default_args=RETRIES,
    tags=["studio"],
    doc_md=__doc__,
    params={
        "library": LIBRARY,
        "sources": Param(
            [], type="array", description="Drop folders, zips, lists of addresses; studio_sources if none"
        ),
        "licence": Param("", type="string", description="Under which the pictures are"),
        "shard_size": Param(500, type="integer", minimum=1, description="Images a task judges, about"),
        "most_shards": Param(8, type="integer", minimum=1, maximum=64),
        "workers": Param(2, type="integer", minimum=1, description="Processes of each shard"),
        "grown_by": Param(
            100, type="integer", minimum=1, description="Faces more to decide on: tell reviewers"
        ),
    },
)
def studio_intake() -> None:
    """Bring new pictures in, daily."""

    @task
    def sources() -> list[str]:
        usual = Variable.get("studio_sources", default="").split(os.pathsep)
        found = [source for source in parameters()["sources"] or usual if source]
        if not found:
            raise AirflowFailException("No sources. Set the parameter, or the variable studio_sources.")
        return found

    @task(map_index_template="{{ source }}")
    def add(source: str) -> None:
        get_current_context()["source"] = source
        licence = parameters()["licence"]
        studio("curation.add", source, "--json", *library(), *(["--licence", licence] if licence else []))

    @task
    def shards() -> list[str]:
        pending = studio("curation.judge", "--dry-run", "--json", *library())["pending"]
        count = min(parameters()["most_shards"], max(1, math.ceil(pending / parameters()["shard_size"])))
        return [f"{number}/{count}" for number in range(1, count + 1)]

    @task(map_index_template="{{ shard }}")
    def judge(shard: str) -> dict[str, Any]:
        get_current_context()["shard"] = shard
        workers = parameters()["workers"]
        return studio("curation.judge", "--shard", shard, "--workers", workers, "--json", *library())

    @task
    def duplicates() -> dict[str, Any]:
        return studio("curation.judge", "--json", *library())

    @task
    def notify() -> int:
        """Tell reviewers when the queue has grown; give what it was when they were told last, or is now if less."""
        before = get_current_context()["ti"].xcom_pull(task_ids="notify", include_prior_dates=True) or 0
        undecided: int = studio("curation.judge", "--dry-run", "--json", *library())["undecided"]
        if undecided - before < parameters()["grown_by"]:
            return min(undecided, before)
        sentence = f"{undecided} faces wait for review, {undecided - before} more than when we wrote last."
        print(sentence)
        if address := Variable.get("studio_webhook", default=""):
            data = json.dumps({"text": sentence}).encode()
            request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=30).close()
        return undecided

    parts = shards()
    add.expand(source=sources()) >> parts
    judge.expand(shard=parts) >> duplicates() >> notify()


@dag(
    schedule=None,
    default_args=RETRIES,
    tags=["studio"],
    doc_md=__doc__,
    params={
        "library": LIBRARY,
        "version": Param("", type="string", description="Name of the version; by the run's date where empty"),
        "out": Param("", type="string", description="Folder for the export; in the library where empty"),
        "who": Param("airflow", type="string", minLength=1, description="In whose name it is frozen"),
        "people_only": Param(False, type="boolean", description="Leave out what nobody has decided"),
        "train": Param("", type="string", enum=KINDS, description="Network to train on it; none where empty"),
        "run": Param("", type="string", description="Folder of the training; beside the export where empty"),
    },
)
def studio_release() -> None:
    """Freeze, export and train, once a person agrees."""

    @task
    def waiting() -> dict[str, Any]:
        return studio("curation.judge", "--dry-run", "--json", *library())

    approve = ApprovalOperator(
        task_id="approve",
        subject="Freeze and export version {{ params.version or ds }}?",
        body=(
            "{{ ti.xcom_pull(task_ids='waiting')['undecided'] }} faces are not decided on, "
            "{{ ti.xcom_pull(task_ids='waiting')['pending'] }} images are not judged yet."
        ),
        retries=0,
    )

    @task
    def freeze() -> dict[str, Any]:
        chosen, run = parameters(), get_current_context()["dag_run"]
        name = chosen["version"] or f"airflow-{run.run_after:%Y-%m-%d-%H%M}"
        people = ["--people-only"] if chosen["people_only"] else []
        note = f"Airflow, {run.run_id}"
        return studio(
            "curation.freeze",
            name,
            "--who",
            chosen["who"],
            "--note",
            note,
            "--exist-ok",
            "--json",
            *people,
            *library(),
        )

    @task
    def export(version: dict[str, Any]) -> str:
        out = parameters()["out"] or str(
            Path(parameters()["library"] or data() / "library") / "exports" / version["version"]
        )
        studio("curation.export", version["version"], "--out", out, "--json", *library())
        return out

    @task
    def train(out: str) -> None:
        kind = parameters()["train"]
        if not kind:
            raise AirflowSkipException("No training was asked for.")
        run = parameters()["run"] or f"{out}-{kind}"
        studio(f"core.training.{kind}", "--data.root", out, "--data.validation", "split", "--loop.out", run)

    frozen = freeze()
    waiting() >> approve >> frozen
    train(export(frozen))


def data() -> Path:
    """Name the studio's data folder."""
    return Path(os.environ.get("STUDIO_DATA") or STUDIO / "data")


intake = studio_intake()
release = studio_release()
