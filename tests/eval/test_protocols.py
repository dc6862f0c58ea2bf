"""Names of protocols, what they fix, and that two of them are never compared."""

import pytest

from eval.protocols import BASES, protocol, require_one_protocol


@pytest.mark.parametrize("name", BASES)
def test_a_base_is_its_own_name(name: str) -> None:
    found = protocol(name)
    assert found == BASES[name]
    assert (found.name, found.samples, found.reference, found.seed) == (name, None, "", 0)


@pytest.mark.parametrize(
    ("name", "base", "reference", "samples", "seed"),
    [
        ("fid_clean_val100", "fid_clean", "val", 100, 0),
        ("fid_clean_val", "fid_clean", "val", None, 0),
        ("fid_tf1_50000", "fid_tf1", "", 50_000, 0),
        ("fid_pytorch_val100_seed3", "fid_pytorch", "val", 100, 3),
        ("fd_effnet_lite0_val20", "fd_effnet_lite0", "val", 20, 0),
    ],
)
def test_a_derived_name_says_reference_count_and_seed(
    name: str, base: str, reference: str, samples: int | None, seed: int
) -> None:
    found = protocol(name)
    assert (found.name, found.reference, found.samples, found.seed) == (name, reference, samples, seed)
    assert (found.extractor, found.resize, found.size) == (
        BASES[base].extractor,
        BASES[base].resize,
        BASES[base].size,
    )


def test_a_network_of_ones_own_has_its_own_name() -> None:
    found = protocol("fd_dinov2_val100")
    assert (found.extractor, found.size, found.resize, found.samples) == ("dinov2", 224, "clean", 100)
    assert not found.is_fid


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fid",
        "fid_",
        "fid_clean_",
        "fid_clean_1",
        "FID_CLEAN",
        "fid_clean_val100_",
        "clean",
        "fid_clean_val 9",
    ],
)
def test_anything_else_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"fid_pytorch, fid_tf1|at least 2"):
        protocol(name)


@pytest.mark.parametrize(
    ("name", "metric", "column"),
    [
        ("fid_clean_val100", "fid", "fid_clean_val100"),
        ("fid_clean", "kid", "kid_clean"),
        ("fid_tf1", "precision", "precision_tf1"),
        ("fd_effnet_lite0", "fid", "fd_effnet_lite0"),
        ("fd_effnet_lite0", "kid", "kd_effnet_lite0"),
    ],
)
def test_a_metrics_column_carries_the_protocol(name: str, metric: str, column: str) -> None:
    assert protocol(name).column(metric) == column


def test_no_column_of_another_network_is_called_fid() -> None:
    assert not any(
        protocol("fd_effnet_lite0").column(metric).startswith(("fid", "kid")) for metric in ("fid", "kid")
    )


def test_the_images_taken_depend_on_names_and_seed_only() -> None:
    names = [f"{i:03d}" for i in range(40)]
    taken = protocol("fid_clean_val10").pick(names)
    assert len(set(taken)) == 10
    assert taken == sorted(taken)
    backwards = protocol("fid_clean_val10").pick(names[::-1])
    assert {names[i] for i in taken} == {names[::-1][i] for i in backwards}
    assert taken != protocol("fid_clean_val10_seed1").pick(names)


def test_without_a_count_every_image_is_taken() -> None:
    assert protocol("fid_clean").pick(["b", "a"]) == [0, 1]


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 100 images, but there are 3"):
        protocol("fid_clean_val100").pick(["a", "b", "c"])


def test_two_protocols_or_weights_are_not_compared() -> None:
    assert require_one_protocol(["fid_clean@ab", "fid_clean@ab"]) == "fid_clean@ab"
    with pytest.raises(ValueError, match="cannot be compared: fid_clean@ab, fid_clean@cd"):
        require_one_protocol(["fid_clean@cd", "fid_clean@ab"])
