"""kill -9 at random moments of every stage: in the end nothing is lost, nothing is there twice.

The stages of `tests.curation.killed_stages` are killed again and again and then left alone; the library and
its export must equal those of a run that nobody disturbed, byte for byte. The moments differ each time;
the number that they were drawn from is in the message of a failure, and KILL_SEED repeats it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from curation.library.files import LibraryFiles
from curation.library.library import Library
from curation.library.schema import metadata
from tests.conftest import ROOT
from tests.curation.killed_stages import plan
from tests.curation.planted_analyser import tiny_png

PICTURES = 12
KILLS = {"add": 8, "judge": 8, "review": 9, "export": 7}
SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))


class Stages:
    """The process that carries out stages, and kills them when told to."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.curation.killed_stages"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},  # one moment for all that is written
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def order(self, stage: str, place: Place, **when: Any) -> dict[str, Any]:
        """Carry out a stage; its end as ``killed``, ``code`` and ``seconds``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        paths = {"library": str(place.library), "source": str(place.source), "log": str(place.log)}
        self._process.stdin.write(json.dumps({"stage": stage, **paths, **when}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["killed"] or answer["code"] == 0, place.log.with_suffix(".stderr").read_text()[-3000:]
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass
class Place:
    """A library, the folder that it is filled from, and what its stages said."""

    library: Path
    source: Path
    log: Path
    kills: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    found = Stages()
    yield found
    found.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, two of them alike, one twice, and a file that is none."""
    folder = tmp_path_factory.mktemp("heap")
    for number in range(PICTURES - 1):
        (folder / f"{number:02d}.png").write_bytes(tiny_png(number))
    (folder / "like_3.png").write_bytes(tiny_png(99, like=3))
    (folder / "copy_of_5.png").write_bytes(tiny_png(5))
    (folder / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path, stages: Stages) -> Place:
    place = make_place(tmp_path_factory.mktemp("undisturbed"), source)
    for stage in KILLS:
        place.seconds[stage] = stages.order(stage, place)["seconds"]
    return place


def make_place(folder: Path, source: Path) -> Place:
    return Place(folder / "library", source, folder / "log")


def kill_again_and_again(
    stages: Stages, place: Place, stage: str, times: int, seconds: float, *, seed: str = str(SEED)
) -> None:
    """Kill a stage at random moments of the time that it takes, then let it finish.

    Every other moment is drawn from those shortly after a result of the stage.
    """
    rng = random.Random(f"{seed} {stage}")
    kills, tries = 0, 0
    while kills < times:
        tries += 1
        when: dict[str, Any] = {"after_s": rng.uniform(0, seconds), "with_workers": rng.random() < 0.5}
        if tries % 2:
            when |= {"after_s": rng.uniform(0, 0.03), "results": rng.randrange(1, 5)}
        was_killed = stages.order(stage, place, **when)["killed"]
        kills += was_killed
        seconds *= 1 if was_killed else 0.7  # it had ended before
        if stage == "review":
            assert acknowledged(place) <= recorded(place), f"KILL_SEED={SEED}"
    stages.order(stage, place)
    place.kills += kills


def acknowledged(place: Place) -> set[str]:
    return set(place.log.read_text().split()) if place.log.exists() else set()


def recorded(place: Place) -> set[str]:
    with Library.open(place.library) as library:
        ids = sorted(library.table().index)
        return {f"plan:{number}" for number, image_id in enumerate(ids) if library.history(image_id)} | {
            f"plan:{number}" for number in range(len(ids), len(plan(ids)))
        }


@pytest.fixture(scope="module")
def disturbed(
    tmp_path_factory: pytest.TempPathFactory, source: Path, stages: Stages, undisturbed: Place
) -> Place:
    """The same with every stage killed many times."""
    place = make_place(tmp_path_factory.mktemp("disturbed"), source)
    for stage, times in KILLS.items():
        kill_again_and_again(stages, place, stage, times, undisturbed.seconds[stage])
    return place


def test_it_was_killed_at_thirty_moments_and_more(disturbed: Place) -> None:
    assert disturbed.kills >= 30


def test_the_export_equals_that_of_an_undisturbed_run_byte_for_byte(
    undisturbed: Place, disturbed: Place
) -> None:
    expected, found = exported(undisturbed), exported(disturbed)
    assert sorted(found) == sorted(expected), f"KILL_SEED={SEED}"
    assert [name for name in expected if expected[name] != found[name]] == [], f"KILL_SEED={SEED}"
    assert any("manifest" in name for name in expected)
    assert sum(name.endswith(".png") for name in expected) >= 2


def exported(place: Place) -> dict[str, bytes]:
    folder = place.library / "exports"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_image_is_there_once_with_its_pictures_and_its_origins(
    undisturbed: Place, disturbed: Place
) -> None:
    found = {}
    for place in (undisturbed, disturbed):
        files = LibraryFiles(place.library)
        with Library.open(place.library) as library:
            ids = sorted(library.table().index)
            assert len(ids) == PICTURES
            kinds = (files.original, files.crop, files.sketch, files.thumb)
            pictures = [kind(image_id).read_bytes() for image_id in ids for kind in kinds]
            origins = [sorted(map(str, library.provenances([image_id])[image_id])) for image_id in ids]
            found[place.library] = ids, pictures, origins, list(library.examinations(ids).values())
    assert found[undisturbed.library] == found[disturbed.library], f"KILL_SEED={SEED}"


def test_every_decision_is_there_once(undisturbed: Place, disturbed: Place) -> None:
    found = []
    for place in (undisturbed, disturbed):
        with Library.open(place.library) as library:
            ids = sorted(library.table().index)
            histories = [library.history(image_id) for image_id in ids]
            said = [[(d.reviewer, d.decision) for d in history] for history in histories]
            table = library.table().reindex(ids)
            found.append((said, table["state"].astype(str).tolist(), table["labels"].tolist()))
    assert found[0] == found[1], f"KILL_SEED={SEED}"
    assert sum(map(len, found[0][0])) >= PICTURES + 6


def test_nothing_but_the_library_s_own_files_is_left(undisturbed: Place, disturbed: Place) -> None:
    for kind in ("originals", "crops", "sketches", "thumbs"):
        listed = [
            sorted(
                path.name
                for path in (place.library / kind).rglob("*")
                if path.is_file() and path.name[0] != "."
            )
            for place in (undisturbed, disturbed)
        ]
        assert listed[0] == listed[1], f"KILL_SEED={SEED}"


DELETIONS, KILLS_EACH = 4, 2


@pytest.fixture(scope="module")
def deletions(
    tmp_path_factory: pytest.TempPathFactory, stages: Stages, undisturbed: Place
) -> tuple[list[str], list[Place]]:
    """Ids of two images of the version and of one outside, and copies of a library that lost them.

    In the first copy nobody disturbed the deletion; in the others it was killed.
    """
    with Library.open(undisturbed.library) as library:
        frozen = library.version("first").ids
        gone = [*frozen[:2], min(set(library.table().index) - set(frozen))]
    places: list[Place] = []
    for number in range(1 + DELETIONS):
        place = make_place(tmp_path_factory.mktemp("deletion"), undisturbed.source)
        shutil.copytree(undisturbed.library, place.library)
        place.log.with_suffix(".delete").write_text("\n".join(gone))
        for image_id in frozen:
            picture = (
                place.library.parent / "comparisons" / "one" / "pictures" / "real" / f"{image_id[:16]}.webp"
            )
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(b"pixels")
        if number:
            kill_again_and_again(
                stages, place, "delete", KILLS_EACH, places[0].seconds["delete"], seed=f"{SEED} {number}"
            )
        else:
            place.seconds["delete"] = stages.order("delete", place)["seconds"]
        places.append(place)
    return gone, places


def test_a_killed_deletion_ends_as_an_undisturbed_one(deletions: tuple[list[str], list[Place]]) -> None:
    gone, (expected, *killed) = deletions
    assert sum(place.kills for place in killed) == DELETIONS * KILLS_EACH
    with Library.open(expected.library) as library:
        assert library.version("first").removed == tuple(sorted(gone[:2]))
        assert len(library.version("first").ids) >= 2
    assert not [path for path in files_of(expected) if any(one[:16] in path for one in gone)]
    for place in killed:
        assert files_of(place) == files_of(expected), f"KILL_SEED={SEED}"
        assert tables_of(place) == tables_of(expected), f"KILL_SEED={SEED}"


def files_of(place: Place) -> dict[str, bytes]:
    """All of a library's folder and its comparisons, but the database."""
    root = place.library.parent
    folders = [
        place.library / kind for kind in ("originals", "crops", "sketches", "thumbs", "identities", "exports")
    ]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in (*folders, root / "comparisons")
        for path in folder.rglob("*")
        if path.is_file()
    }


def tables_of(place: Place) -> dict[str, list[str]]:
    """Every row of the database, but for counters of writes and the moment of the deletion."""
    with Library.open(place.library) as library, library._database.read() as connection:
        return {
            table.name: sorted(
                repr([row[column] for column in table.c if column.name not in ("changed", "deleted_at")])
                for row in connection.execute(select(table)).mappings()
                if row.get("name") != "changes"
            )
            for table in metadata.sorted_tables
        }


def test_what_a_killed_deletion_took_never_comes_back(
    deletions: tuple[list[str], list[Place]], stages: Stages
) -> None:
    gone, (_, killed, *_) = deletions
    stages.order("add", killed)
    stages.order("export", killed)
    with Library.open(killed.library) as library:
        assert not set(gone) & set(library.table().index)
        assert len(library.table()) == PICTURES - len(gone)
    assert not [path for path in files_of(killed) if any(one[:16] in path for one in gone)]


def test_a_real_examination_killed_twice_gives_the_rows_of_an_undisturbed_one(
    tmp_path: Path, omi_dir: Path, stages: Stages, landmarker_path: Path
) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for name in ("0001.jpg", "0042.jpg", "0137.jpg"):
        (source / name).write_bytes((omi_dir / name).read_bytes())
    places = []
    for name, kills in (("once", 0), ("killed", 2)):
        (tmp_path / name).mkdir()
        place = make_place(tmp_path / name, source)
        stages.order("add", place)
        seconds = places[0].seconds["judge_for_real"] if places else 0.0
        if kills:
            kill_again_and_again(stages, place, "judge_for_real", kills, seconds)
        else:
            place.seconds["judge_for_real"] = stages.order("judge_for_real", place)["seconds"]
        places.append(place)
    rows = []
    for place in places:
        with Library.open(place.library) as library:
            ids = sorted(library.table().index)
            crops = [library.files.crop(image_id).read_bytes() for image_id in ids]
            rows.append((list(library.examinations(ids).values()), crops))
    assert rows[0] == rows[1]
    assert {row.status for row in rows[0][0]} == {"ok"}
