"""One way to say a size."""

import pytest

from dashboard.shared.formatting import size_text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0.0 kB"),
        (37_000, "37.0 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (99_940_000, "99.9 MB"),
        (99_960_000, "100 MB"),
        (4_200_000_000, "4.2 GB"),
        (1_234_000_000_000, "1,234 GB"),
    ],
)
def test_a_size_has_three_digits_and_the_unit_that_fits(size_bytes: int, text: str):
    assert size_text(size_bytes) == text
