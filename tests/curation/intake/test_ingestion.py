"""From checked pictures to the library: answers, names, labels, and what happens when it cannot keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation.intake.children import PictureBytes, PictureFile
from curation.intake.ingestion import IntakeItem, IntakeResult, ingest_bytes, ingest_pictures, summarise
from curation.intake.picture import PictureLimits, RejectedFile, check_picture
from curation.library.library import Library
from curation.library.records import Original, Provenance
from tests.curation.intake.pictures import plain


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


class KeepsNothing:
    """A library that remembers what it was given, and can be full."""

    def __init__(self, full_after: int = 10_000) -> None:
        self.arrivals: list[tuple[Original, Provenance]] = []
        self.labelled: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self._full_after = full_after

    def add_many(self, arrivals: Sequence[tuple[Original, Provenance]]) -> list[str]:
        if len(self.arrivals) >= self._full_after:
            raise OSError(28, "No space left on device")
        self.arrivals.extend(arrivals)
        return ["new"] * len(arrivals)

    def decide(
        self, ids: Sequence[str], decision: str | None, *, reviewer: str, add_labels: Sequence[str] = ()
    ) -> int:
        assert (decision, reviewer) == (None, "import")
        self.labelled.append((tuple(ids), tuple(add_labels)))
        return 1

    def labels_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {}


def test_a_summary_says_what_happened_and_why() -> None:
    answers = [
        IntakeResult("a", "added", "1"), IntakeResult("b", "added", "2"), IntakeResult("c", "known", "1"),
        IntakeResult("d", "refused", code="damaged", sentence="."),
        IntakeResult("e", "refused", code="damaged", sentence="."),
        IntakeResult("f", "refused", code="empty", sentence="."), IntakeResult("g", "deleted", sentence="."),
        IntakeResult("h", "failed", code="timeout", sentence="."),
    ]  # fmt: skip
    summary = summarise(answers)
    assert summary.reasons == {"damaged": 2, "empty": 1, "timeout": 1}
    assert summary.sentence() == (
        "8 files: 2 added, 1 known already, 3 refused, 1 deleted for good earlier, 1 failed "
        "(damaged 2, empty 1, timeout 1)."
    )
    assert summarise([]).sentence() == "0 files: 0 added, 0 known already, 0 refused."


def test_one_file_is_taken_or_answered(library: Library) -> None:
    first = ingest_bytes(library, plain("PNG"), Provenance("upload", "a\n.png", uploader="ada"))
    assert first == IntakeResult("a\\n.png", "added", check_picture(plain("PNG")).id)
    assert ingest_bytes(library, plain("PNG"), Provenance("api", "b.png")).outcome == "known"
    refused = ingest_bytes(library, b"<svg/>", Provenance("api", "c.svg"))
    assert (refused.outcome, refused.code, refused.image_id) == ("refused", "active_content", "")
    assert not refused.is_taken


def test_many_threads_may_send_the_same_picture(library: Library) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(
                lambda number: ingest_bytes(library, plain("PNG"), Provenance("api", f"{number}.png")),
                range(8),
            )
        )
    assert sorted(answer.outcome for answer in answers) == ["added"] + ["known"] * 7
    assert len({answer.image_id for answer in answers}) == 1
    assert len(library.provenance(answers[0].image_id)) == 8


def test_the_check_is_the_caller_s_to_choose() -> None:
    def refuse(_data: bytes) -> Original:
        raise RejectedFile("timeout", "Too slow.")

    answer = ingest_bytes(KeepsNothing(), plain("PNG"), Provenance("x", "a"), check=refuse)
    assert (answer.code, answer.sentence) == ("timeout", "Too slow.")


def test_rounds_keep_every_file_once_and_count_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.intake.ingestion.ROUND_FILES", 7)
    monkeypatch.setattr("curation.intake.ingestion.BATCH", 3)
    files = [plain("PNG", 32, 32, seed) for seed in range(20)]
    items = (
        IntakeItem(PictureBytes(data if number % 5 else b"none"), Provenance("x", f"{number}"))
        for number, data in enumerate(files)
    )
    library, seen = KeepsNothing(), list[tuple[int, int]]()
    answers = list(
        ingest_pictures(library, items, workers=2, progress=lambda *done: seen.append(done), total=20)
    )
    assert sorted(int(answer.name) for answer in answers) == list(range(20))
    assert {answer.name for answer in answers if not answer.is_taken} == {"0", "5", "10", "15"}
    assert sorted(where.name for _, where in library.arrivals) == sorted(
        answer.name for answer in answers if answer.is_taken
    )
    assert seen == [(number, 20) for number in range(1, 21)]


def test_a_full_disk_is_nobody_s_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.intake.ingestion.BATCH", 2)
    library = KeepsNothing(full_after=4)
    items = [
        IntakeItem(PictureBytes(plain("PNG", 32, 32, seed)), Provenance("x", f"{seed}")) for seed in range(12)
    ]
    answers = []
    with pytest.raises(OSError, match="No space left"):
        for answer in ingest_pictures(library, items, workers=1):
            answers.append(answer)  # noqa: PERF402  (what came before the failure counts)
    assert all(answer.outcome == "added" for answer in answers)
    assert len(answers) <= len(library.arrivals) == 4


def test_labels_are_added_under_the_name_of_the_importer() -> None:
    library = KeepsNothing()
    items = [
        IntakeItem(
            PictureBytes(plain("PNG", 32, 32, seed)), Provenance("x", f"{seed}"), ("hat",) if seed < 2 else ()
        )
        for seed in range(3)
    ]
    answers = {answer.name: answer.image_id for answer in ingest_pictures(library, items, workers=1)}
    assert [(set(ids), labels) for ids, labels in library.labelled] == [
        ({answers["0"], answers["1"]}, ("hat",))
    ]


def test_the_limits_reach_the_children(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(plain("PNG"))
    items = [IntakeItem(PictureFile(str(path)), Provenance("x", "a"))]
    (answer,) = ingest_pictures(KeepsNothing(), items, limits=PictureLimits(min_side_px=100), workers=1)
    assert answer.code == "too_small"
