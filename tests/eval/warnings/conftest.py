"""A comparison that no warning has anything against."""

import pytest

from eval.warnings.facts import Facts
from tests.eval.warnings.warnings_material import clean


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """A clean comparison."""
    return clean(tmp_path_factory.mktemp("clean"))
