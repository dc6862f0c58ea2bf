"""Call the models of a comparison as people do; what is kept, and what pictures and votes go by, are their names."""

from __future__ import annotations

import re
from collections import Counter

from core.models.families import GENERATORS
from eval.comparison.formatting import Translate, quoted
from eval.comparison.result import Comparison, ModelResult

BY_PARTS, REAL = "{model} by parts", "real"


def titles_of_models(comparison: Comparison, translate: Translate = str) -> dict[str, str]:
    """Give each model's title by its name: of a shipped generator its family's; two that would be alike keep theirs."""
    titles = {model.name: _title(model, translate) for model in comparison.models}
    count = Counter([*titles.values(), *(name for name, title in titles.items() if name != title)])
    return {name: title if count[title] == 1 else name for name, title in titles.items()}


def with_titles(comparison: Comparison, translate: Translate = str) -> Comparison:
    """Put titles in the place of the models' names, in sentences too."""
    titles = titles_of_models(comparison, translate)
    changed = [name for name, title in titles.items() if name != title]
    names = "|".join(re.escape(name) for name in sorted(changed, key=len, reverse=True))
    pattern = re.compile(rf"“({names})”|(?<![\w/])({names})(?![\w/])")
    titles = {REAL: translate(REAL)} | titles

    def said(text: str) -> str:
        return text if not names else pattern.sub(lambda found: quoted(titles[found[1] or found[2]]), text)

    def titled(name: str) -> str:
        return titles.get(name, name)

    def all_titled(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(titled, names))

    return comparison.model_copy(
        update={
            "real": comparison.real.model_copy(update={"name": titled(comparison.real.name)}),
            "models": tuple(
                one.model_copy(
                    update={
                        "name": titled(one.name),
                        "set": one.set.model_copy(
                            update={"name": titled(one.set.name), "source": said(one.set.source)}
                        ),
                    }
                )
                for one in comparison.models
            ),
            "pairs": tuple(
                one.model_copy(update={"first": titled(one.first), "second": titled(one.second)})
                for one in comparison.pairs
            ),
            "standings": tuple(
                one.model_copy(update={"model": titled(one.model), "tied_with": all_titled(one.tied_with)})
                for one in comparison.standings
            ),
            "curves": tuple(
                one if one.model == REAL else one.model_copy(update={"model": titled(one.model)})
                for one in comparison.curves
            ),
            "warnings": tuple(
                one.model_copy(update={"text": said(one.text), "sets": all_titled(one.sets)})
                for one in comparison.warnings
            ),
        }
    )


def _title(model: ModelResult, translate: Translate) -> str:
    known = GENERATORS.get(model.generator)
    title = str(known[0].name) if known else model.generator
    if title and model.name == f"{model.generator}, parts":
        return translate(BY_PARTS).format(model=title)
    return title if title and model.name == model.generator else model.name
