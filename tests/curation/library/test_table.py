"""The table shows what the database holds, whoever wrote it, and old tables stay as they were."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from curation.library.library import Library
from curation.library.records import MEASUREMENT_NAMES, DuplicateGroup, Examination, Provenance
from curation.library.table import Filters, select
from tests.curation.library.samples import GOOD, examination, fill, original


def test_the_table_has_a_row_per_image_in_order_of_arrival(library: Library) -> None:
    ids = fill(library, 3)
    table = library.table()
    assert table.index.tolist() == ids
    assert table.index.name == "image_id"
    assert set(MEASUREMENT_NAMES) <= set(table.columns)
    for name in ("yaw", "eye_distance_px", "faces", "stretch"):
        np.testing.assert_allclose(table[name], getattr(GOOD, name), rtol=1e-6)
    assert table["sharpness"].isna().all()
    assert table["name"].tolist() == ["0.jpg", "1.jpg", "2.jpg"]


def test_an_empty_library_has_an_empty_table_with_all_columns(library: Library) -> None:
    table = library.table()
    assert len(table) == 0
    assert {"state", "verdict", "labels", "confidence"} <= set(table.columns)
    assert select(table, Filters(state="keep", label="hat", text="x", ranges={"yaw": (0, 1)})) == []
    assert library.counts()["images"] == 0


def test_a_table_brought_up_to_date_equals_one_read_anew(
    library: Library, open_library: Callable[[], Library]
) -> None:
    """Whatever is written, by this process or another, and in whatever order."""
    ids = fill(library, 5)
    other = open_library()
    other.table()
    steps: list[Callable[[], object]] = [
        lambda: library.decide(ids[:3], "reject", reviewer="ann", add_labels=["hat"]),
        lambda: fill(library, 3, start=10, source="url"),
        lambda: library.decide(ids[:1], "keep", reviewer="bob"),
        lambda: library.undo("ann"),
        lambda: library.save_examinations([Examination(ids[4], "no_face"), examination(ids[3], yaw=33.0)]),
        lambda: library.set_rules(library.rules().with_threshold("yaw", 1), "ann"),
        lambda: library.save_duplicates([DuplicateGroup("near", ids[1], (ids[1], ids[2]))]),
        lambda: library.save_proposals({ids[0]: (0.9, 0.8), ids[3]: (0.1, 0.2)}, "model"),
        lambda: library.delete_for_good(ids[1:2], who="ann", why="asked"),
        lambda: fill(library, 2, start=20),
        lambda: library.save_duplicates([]),
        lambda: library.add(original(0), Provenance("api")),
    ]
    for step in steps:
        step()
        expected = _comparable(open_library().table())
        pd.testing.assert_frame_equal(_comparable(library.table()), expected)
        pd.testing.assert_frame_equal(_comparable(other.table()), expected)


def _comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Categories may have been met in another order."""
    words = [name for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(words, "str"))


def test_a_table_that_somebody_holds_does_not_change(library: Library) -> None:
    ids = fill(library, 2)
    held = library.table()
    copy = held.copy(deep=True)
    library.decide(ids, "reject", reviewer="ann", add_labels=["hat"])
    library.save_examinations([examination(ids[0], yaw=50.0)])
    library.table()
    pd.testing.assert_frame_equal(held, copy)


def test_nothing_is_read_again_while_nothing_changed(library: Library) -> None:
    fill(library, 2)
    assert library.table() is library.table()
    assert library.counts() is library.counts()
    revision = library.revision()
    library.decide(library.table().index.tolist(), "keep", reviewer="ann")
    assert library.revision() > revision


def test_the_spare_members_of_a_group_are_rejected_until_the_group_is_gone(library: Library) -> None:
    ids = fill(library, 3)
    library.save_duplicates([DuplicateGroup("near", ids[1], tuple(ids[:2]))])
    table = library.table()
    assert table["rule"].astype(str).tolist() == ["duplicate", "", ""]
    assert table["duplicate_best"].tolist() == [False, True, True]
    assert table["duplicate_group"].astype(str).tolist() == [ids[1], ids[1], ""]
    library.save_duplicates([])
    assert library.table()["verdict"].tolist() == ["keep"] * 3


def test_new_rules_judge_all_images_anew_and_are_kept(
    library: Library, open_library: Callable[[], Library]
) -> None:
    ids = fill(library, 4)
    library.save_examinations([examination(image_id, yaw=5.0 * n) for n, image_id in enumerate(ids)])
    assert library.table()["verdict"].tolist() == ["keep", "keep", "keep", "reject"]
    assert library.set_rules(library.rules().with_threshold("yaw", 4), "ann") == 3
    table = library.table()
    assert table["verdict"].tolist() == ["keep", "reject", "reject", "reject"]
    assert (table["rule"].tolist()[1], table["value"].tolist()[1:]) == ("yaw", [5, 10, 15])
    assert table["threshold"].tolist()[1:] == [4, 4, 4]
    again = open_library()
    assert again.rules()["yaw"].threshold == 4
    assert again.set_rules(again.rules(), "ann") == 0


def test_columns_take_little_memory(library: Library) -> None:
    fill(library, 300)
    per_row = library.table().drop(columns=["name"]).memory_usage(index=False, deep=True).sum() / 300
    assert per_row < 400


@pytest.fixture
def heap(library: Library) -> tuple[Library, list[str]]:
    ids = fill(library, 6)
    library.save_examinations(
        [examination(image_id, yaw=float(n), sharpness=1 + 0.1 * n) for n, image_id in enumerate(ids[:5])]
    )
    library.add(original(9), Provenance("url", "Holiday_ÄB_Straße_표준.jpg", author="Zoë", licence="CC0"))
    library.decide(ids[:2], "reject", reviewer="ann", add_labels=["hat", "male"])
    library.decide(ids[1:3], "keep", reviewer="bob")
    return library, [*ids, original(9).id]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [0, 1, 2, 3, 4, 5, 6]),
        (Filters(state="keep"), [2, 3, 4, 5]),
        (Filters(state=("reject", "undecided")), [0, 1, 6]),
        (Filters(decision="reject"), [0]),
        (Filters(disputed=True), [1]),
        (Filters(disputed=False, reviewer="ann"), [0]),
        (Filters(reviewer=("ann", "bob")), [0, 1, 2]),
        (Filters(label=("male", "none")), [0, 1]),
        (Filters(source="url"), [6]),
        (Filters(licence="CC0", text="äb"), [6]),
        (Filters(text="zoë"), [6]),
        (Filters(text="Straße"), [6]),
        (Filters(text="STRASSE"), [6]),
        (Filters(text=unicodedata.normalize("NFD", "표준")), [6]),
        (Filters(text="[.jpg"), []),
        (Filters(ranges={"yaw": (1, 3)}), [1, 2, 3, 5]),
        (Filters(ranges={"yaw": (None, 2.0), "sharpness": (1.1, None)}), [1, 2]),
        (Filters(state="nonsense"), []),
    ],
)
def test_filters_pick_images(heap: tuple[Library, list[str]], filters: Filters, expected: list[int]) -> None:
    library, ids = heap
    assert select(library.table(), filters) == [ids[n] for n in expected]


def test_an_image_is_found_by_the_start_of_its_id(heap: tuple[Library, list[str]]) -> None:
    library, ids = heap
    assert select(library.table(), Filters(text=ids[3][:12])) == [ids[3]]


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("yaw", False, [0, 1, 5, 2, 3, 4, 6]),
        ("yaw", True, [4, 3, 2, 5, 1, 0, 6]),
        ("sharpness", True, [4, 3, 2, 1, 0, 5, 6]),
        ("source", True, [6, 0, 1, 2, 3, 4, 5]),
        ("disputed", True, [1, 0, 2, 3, 4, 5, 6]),
        ("name", True, [6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_sorting_is_stable_and_puts_what_was_not_measured_last(
    heap: tuple[Library, list[str]], sort: str, descending: bool, expected: list[int]
) -> None:
    library, ids = heap
    assert select(library.table(), sort=sort, descending=descending) == [ids[n] for n in expected]


def test_every_column_but_lists_sorts(heap: tuple[Library, list[str]]) -> None:
    library, ids = heap
    table = library.table()
    for name in table.columns.drop(["labels", "reviewers"]):
        assert sorted(select(table, sort=str(name))) == sorted(ids)
    for name in ("labels", "no_such_column"):
        with pytest.raises(ValueError, match=name):
            select(table, sort=name)
