"""Facts of a network without the network."""

from pathlib import Path

from eval.comparison.extraction import LazyExtractor
from eval.protocols import EvaluationProtocol, protocol
from tests.eval.comparison.comparison_material import SmallTools

EFFNET = protocol("fd_effnet_lite0")


def lazy(tools: SmallTools, weights: Path | None = None, of: EvaluationProtocol = EFFNET) -> LazyExtractor:
    return LazyExtractor(of, weights, tools.answers, tools.load_extractor)


def test_a_network_is_built_once_for_its_facts(tmp_path: Path) -> None:
    tools = SmallTools(tmp_path)
    first = lazy(tools)
    assert first.info == first.info and tools.built == 1
    assert lazy(tools).info == first.info and tools.built == 1


def test_it_is_built_when_it_must_compute(tmp_path: Path) -> None:
    tools = SmallTools(tmp_path)
    known = lazy(tools)
    assert known.extractor() is known.extractor()
    assert tools.built == 1


def test_another_weights_file_is_another_network(tmp_path: Path) -> None:
    tools, file, own = SmallTools(tmp_path), tmp_path / "own.onnx", protocol("fd_own")
    file.write_bytes(b"one")
    assert lazy(tools, file, own).info
    file.write_bytes(b"another")
    assert lazy(tools, file, own).info
    assert tools.built == 2


def test_a_damaged_record_is_made_anew(tmp_path: Path) -> None:
    tools = SmallTools(tmp_path)
    assert lazy(tools).info
    assert tools.answers.file is not None
    tools.answers.file.write_bytes(b"nothing of the kind")
    assert lazy(tools).info and tools.built == 2
