"""Call the models of a comparison as people do; what is kept, and what pictures and votes go by, are their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from core.models.families import GENERATORS
from eval.comparison.formatting import Translate, quoted
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.result import Comparison

Part = TypeVar("Part", bound=BaseModel)
BY_PARTS, REAL = "{model} by parts", "real"


def titles_of_models(comparison: Comparison, translate: Translate = str) -> dict[str, str]:
    """Give each model's title by its name: of a shipped generator its family's; two that would be alike keep theirs."""
    return _titles({model.name: model.generator for model in comparison.models}, translate)


def titled_stage(stage: str, request: ComparisonRequest, translate: Translate = str) -> str:
    """Put titles in the place of the models' names in what a running comparison says of its progress."""
    generators = {
        name: one.generator if isinstance(one, GeneratorSource) else "" for name, one in request.fakes.items()
    }
    return _renamer(_titles(generators, translate), str)(stage)


def _titles(generators: Mapping[str, str], translate: Translate) -> dict[str, str]:
    """Titles by the models' names, which go with the generators that made their images, if any."""
    titles = {name: _title(name, generator, translate) for name, generator in generators.items()}
    count = Counter([*titles.values(), *(name for name, title in titles.items() if name != title)])
    return {name: title if count[title] == 1 else name for name, title in titles.items()}


def _renamer(titles: Mapping[str, str], write: Callable[[str], str]) -> Callable[[str], str]:
    """Make a function that writes titles in the place of names, quoted or not, in a sentence."""
    changed = [name for name, title in titles.items() if name != title]
    names = "|".join(re.escape(name) for name in sorted(changed, key=len, reverse=True))
    pattern = re.compile(rf"“({names})”|(?<![\w/])({names})(?![\w/])")
    return lambda text: (
        pattern.sub(lambda found: write(titles[found[1] or found[2]]), text) if names else text
    )


def with_titles(comparison: Comparison, translate: Translate = str) -> Comparison:
    """Put titles in the place of the models' names, in sentences too."""
    titles = titles_of_models(comparison, translate)
    said = _renamer(titles, quoted)
    titles = {REAL: translate(REAL)} | titles

    def titled(names: Any) -> Any:
        return titles.get(names, names) if isinstance(names, str) else tuple(map(titled, names))

    def changed(part: Part, *fields: str, **more: object) -> Part:
        return part.model_copy(update={field: titled(getattr(part, field)) for field in fields} | more)

    return comparison.model_copy(
        update={
            "real": changed(comparison.real, "name"),
            "models": tuple(
                changed(one, "name", set=changed(one.set, "name", source=said(one.set.source)))
                for one in comparison.models
            ),
            "pairs": tuple(changed(one, "first", "second") for one in comparison.pairs),
            "standings": tuple(changed(one, "model", "tied_with") for one in comparison.standings),
            "curves": tuple(one if one.model == REAL else changed(one, "model") for one in comparison.curves),
            "warnings": tuple(changed(one, "sets", text=said(one.text)) for one in comparison.warnings),
        }
    )


def _title(name: str, generator: str, translate: Translate) -> str:
    known = GENERATORS.get(generator)
    title = str(known[0].name) if known else generator
    if title and name == f"{generator}, parts":
        return translate(BY_PARTS).format(model=title)
    return title if title and name == generator else name
