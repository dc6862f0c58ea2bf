"""``python -m eval.quality``: see `eval.quality.command`."""

from eval.quality.command import main

main()
