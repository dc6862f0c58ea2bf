"""Nobody gets an image that somebody else is looking at."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from curation.library.library import Library
from tests.curation.library.samples import fill, original


def test_two_reviewers_get_different_images_in_the_order_of_the_queue(library: Library) -> None:
    ids = fill(library, 6)
    queue = ids[::-1]
    assert library.lease("ann", queue, 2) == queue[:2]
    assert library.lease("bob", queue, 3) == queue[2:5]
    assert library.lease("cid", queue, 3) == queue[5:]
    assert library.lease("dan", queue, 3) == []


def test_what_a_reviewer_holds_comes_first_and_is_counted(library: Library) -> None:
    ids = fill(library, 6)
    library.lease("ann", ids[3:], 2)
    assert library.lease("ann", ids, 3) == [ids[3], ids[4], ids[0]]


def test_a_lease_ends_by_itself(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fill(library, 2)
    clock = [1000.0]
    monkeypatch.setattr("curation.library.decisions.time.time", lambda: clock[0])
    library.lease("ann", ids, 2, ttl_s=10)
    assert library.lease("bob", ids, 2) == []
    clock[0] += 11
    assert library.lease("bob", ids, 2) == ids
    assert library.lease("ann", ids, 2) == []


def test_asking_again_prolongs_a_lease(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fill(library, 1)
    clock = [1000.0]
    monkeypatch.setattr("curation.library.decisions.time.time", lambda: clock[0])
    for _ in range(3):
        assert library.lease("ann", ids, 1, ttl_s=10) == ids
        clock[0] += 8
    assert library.lease("bob", ids, 1) == []


def test_a_released_image_goes_to_the_next(library: Library) -> None:
    ids = fill(library, 2)
    library.lease("ann", ids, 1)
    library.lease("bob", ids, 1)
    library.release("ann")
    assert library.lease("cid", ids, 2) == ids[:1]


def test_a_queue_that_is_out_of_date_gives_nothing_that_was_decided(library: Library) -> None:
    ids = fill(library, 4)
    library.lease("ann", ids, 2)
    library.decide(ids[:2], "keep", reviewer="ann")
    library.release("ann")
    assert library.lease("bob", [*ids, original(99).id], 4) == ids[2:]
    library.release("bob")
    assert library.lease("ann", ids, 4, among="not_mine") == ids[2:]
    library.release("ann")
    assert library.lease("bob", ids, 4, among="not_mine") == ids
    library.release("bob")
    assert library.lease("ann", ids, 4, among="any") == ids


@pytest.mark.parametrize("arguments", [{"count": 0}, {"ttl_s": 0}, {"among": "all"}, {"reviewer": ""}])
def test_a_lease_that_makes_no_sense_is_refused(library: Library, arguments: dict) -> None:
    given = {"reviewer": "ann", "candidates": fill(library, 1), "count": 1} | arguments
    with pytest.raises(ValueError, match=r"expected|reviewer"):
        library.lease(**given)


def test_ten_reviewers_at_one_queue_never_get_the_same_image(
    library: Library, open_library: Callable[[], Library]
) -> None:
    ids = fill(library, 100)
    drawn: dict[str, list[str]] = {f"reviewer {number}": [] for number in range(10)}
    errors: list[BaseException] = []
    start = threading.Barrier(len(drawn))

    def review(name: str, own: Library) -> None:
        try:
            start.wait()
            while got := own.lease(name, ids, 3):
                drawn[name].extend(got)
                own.decide(got, "keep", reviewer=name)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=review, args=(name, open_library())) for name in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(image for got in drawn.values() for image in got) == sorted(ids)
    assert library.agreement().pairs == ()  # nobody shares an image with anybody
