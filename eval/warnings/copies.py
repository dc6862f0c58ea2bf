"""Find the same picture where it must not be twice: by content, or by fingerprint if it was resized or packed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from eval.comparison.formatting import quoted
from eval.comparison.result import Warned
from eval.warnings.facts import Facts, Picture, SetFacts
from eval.warnings.picture_statistics import Words, copies, fingerprints
from eval.warnings.wording import percent

# Bits of 256. Measured on 512 px faces: JPEG q30 4, half size 2, a model's output and its truth 54 and more,
# different photos 68 and more.
SAME_BITS = 20
SAME_BITS_OF_PAIR = 6
SAME_MEAN = 1.5  # grey levels; packing hardly moves a channel's mean
MOST_ALIKE = 0.5
COLLAPSED = 0.05


def train_in_reference(facts: Facts) -> Iterator[Warned]:
    """Photos that the models were trained on among those that they are judged by."""
    if facts.training is None:
        return
    shared = shared_pictures(facts.real, facts.training)
    if shared:
        share = len(shared) / len(facts.real)
        yield Warned(
            code="train_in_reference", severity="misleads" if share > COLLAPSED else "caution",
            sets=(facts.real.name, facts.training.name), columns=facts.feature_columns,
            text=(
                f"{len(shared)} of the {len(facts.real)} true photos are training photos too (first "
                f"{shared[0][0]}): a model that remembers them looks better than it is. Judge by photos that no model "
                "has seen."
            ),
        )  # fmt: skip


def duplicates_between_sets(facts: Facts) -> Iterator[Warned]:
    """True photos among a model's outputs, or the very files of one model among another's."""
    models = tuple(facts.models.values())
    for one in models:
        if shared := shared_pictures(one, facts.real):
            yield _duplicates(facts, facts.real, one, shared, "true photos")
    for first, second in combinations(
        models, 2
    ):  # near copies are usual here: one generator, two kinds of stage 1
        if shared := same_files(second, first):
            yield _duplicates(facts, first, second, shared, f"the very files of {quoted(first.name)}")


def _duplicates(
    facts: Facts, first: SetFacts, second: SetFacts, shared: list[tuple[str, str]], what: str
) -> Warned:
    own, other = shared[0]
    return Warned(
        code="duplicates_between_sets", severity="misleads", sets=(first.name, second.name),
        columns=facts.feature_columns,
        text=(
            f"{len(shared)} of the {len(second)} outputs of {quoted(second.name)} are {what} (first {own}"
            f"{f', there {other}' if other != own else ''}). Was a folder named twice, or did other pictures get among "
            "the outputs? Take them out."
        ),
    )  # fmt: skip


def training_copies(facts: Facts) -> Iterator[Warned]:
    """Training photos among a model's outputs, even if they were packed again."""
    if facts.training is None:
        return
    for one in facts.models.values():
        if shared := shared_pictures(one, facts.training, are_pairs=False):
            own, other = shared[0]
            yield Warned(
                code="training_copies", severity="misleads", sets=(one.name,),
                text=(
                    f"{len(shared)} of the {len(one)} outputs of {quoted(one.name)} are training photos (first "
                    f"{own}, there "
                    f"{other}): it repeats what it has seen, or the wrong folder was named. Take them out."
                ),
            )  # fmt: skip


def reencoded_copies(facts: Facts) -> Iterator[Warned]:
    """A model's outputs given twice, once packed again: the same pictures under the same names."""
    for first, second in combinations(facts.models.values(), 2):
        if same_files(second, first):
            continue  # told by `duplicates_between_sets`
        same = _packed_again(first, second)
        if len(same) > MOST_ALIKE * min(len(first), len(second)):
            yield Warned(
                code="reencoded_copies", severity="misleads", sets=(first.name, second.name),
                text=(
                    f"{len(same)} outputs of {quoted(second.name)} are those of {quoted(first.name)}, packed anew "
                    f"(first {same[0]}). "
                    "Their figures differ by the packing alone: name each model's own folder."
                ),
            )  # fmt: skip


def _packed_again(first: SetFacts, second: SetFacts) -> list[str]:
    """Names under which both hold the same picture, at least one of them packed with loss or at another size."""
    theirs = {picture.name: picture for picture in _looked_at(second)}
    mine = [picture for picture in _looked_at(first) if picture.name in theirs]
    if not mine:
        return []
    others = [theirs[picture.name] for picture in mine]
    near = np.bitwise_count(_words(mine) ^ _words(others)).sum(axis=1) <= SAME_BITS
    return [
        one.name
        for one, other, is_near in zip(mine, others, near, strict=True)
        if is_near and one.header != other.header and _has_same_colours(one, other)
    ]


def _has_same_colours(one: Picture, other: Picture) -> bool:
    assert one.look is not None and other.look is not None
    means = ((look.red, look.green, look.blue) for look in (one.look, other.look))
    return all(abs(mine - theirs) <= SAME_MEAN for mine, theirs in zip(*means, strict=True))


def repeated_outputs(facts: Facts) -> Iterator[Warned]:
    """A model that draws the same face for different inputs."""
    usual = _repeated(facts.real)
    for one in facts.models.values():
        share = _repeated(one)
        if share > usual + COLLAPSED:
            yield Warned(
                code="repeated_outputs", severity="misleads", sets=(one.name,), columns=facts.feature_columns,
                text=(
                    f"{percent(share)} of the outputs of {quoted(one.name)} look like another of its outputs (of "
                    f"the true "
                    f"photos {percent(usual)}): it has collapsed to few faces. Look at recall and coverage."
                ),
            )  # fmt: skip


def same_files(own: SetFacts, other: SetFacts) -> list[tuple[str, str]]:
    """Pictures of ``own`` whose content is in ``other`` as well, with the name that it has there."""
    by_digest = {picture.digest: picture.name for picture in other.pictures}
    return sorted((p.name, by_digest[p.digest]) for p in own.pictures if p.digest in by_digest)


def shared_pictures(own: SetFacts, other: SetFacts, *, are_pairs: bool = True) -> list[tuple[str, str]]:
    """Pictures of ``own`` that are in ``other`` as well, even if resized or packed again.

    Where the names are the same, one may be drawn from the other's sketch, and must be nearer to count; not so with
    ``are_pairs=False``, where equal names mean nothing.
    """
    found = dict(same_files(own, other))
    mine, theirs = _looked_at(own), _looked_at(other)
    if mine and theirs:
        first, second = _words(mine), _words(theirs)
        for at, row in copies(first, second, most=SAME_BITS):
            is_pair = are_pairs and mine[at].name == theirs[row].name
            if not is_pair or np.bitwise_count(first[at] ^ second[row]).sum() <= SAME_BITS_OF_PAIR:
                found.setdefault(mine[at].name, theirs[row].name)
    return sorted(found.items())


def _repeated(one: SetFacts) -> float:
    """Share of pictures that have a near copy in their own set."""
    same = Counter(picture.digest for picture in one.pictures)
    pictures = [picture for picture in _looked_at(one) if same[picture.digest] == 1]
    twice = sum(count for count in same.values() if count > 1)
    words = _words(pictures)
    pairs = copies(words, words, most=SAME_BITS)
    twice += len(np.unique(pairs[pairs[:, 0] != pairs[:, 1], 0]))
    return twice / max(len(one), 1)


def _looked_at(one: SetFacts) -> list[Picture]:
    """Pictures with a fingerprint that tells: a blank one is like any other blank one."""
    return [picture for picture in one.pictures if picture.look is not None and picture.look.fingerprint]


def _words(pictures: list[Picture]) -> Words:
    return fingerprints(picture.look.fingerprint for picture in pictures if picture.look is not None)
