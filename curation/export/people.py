"""Find images of a version that show one person, so that nobody lies in train and in validation.

Each face has a vector (`curation.analysis.identity`), read once and kept beside the library's pictures; it never
leaves the library and goes with its image. An image follows the nearest face that came before it if among strangers
the nearest would hardly be so near (`chance_among_strangers`), and if it is not too far at all (`FARTHEST`). Neither
a fixed distance nor a fixed ratio to the next nearest person treats all alike: of 3 781 synthetic strangers' pairs
33 % of the Asian women's lie below 0.45, 18 % of the Black women's and 2 % of the white women's, and where the network
knows fewer differences, the nearest of strangers stands out more often. A ratio of 0.85 tied of 3 781 strangers 6.6 %
of the Asian, 7.7 % of the Black and 3.3 % of the white faces, and of 500 18.7, 10.6 and 5.7 %; the chance ties 4.5,
6.2 and 5.5 %, and 9.3, 6.6 and 5.0 %, and keeps as many people on one side. A wrong tie costs little: a stranger goes
to the same side, and `curation.export.splits` bounds how many do. ``python -m tests.benchmarks.people_validity``
measures it all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.atomic_files import write_atomically
from curation.export.pictures import THREADS, has_face, landmarks_of, read_each, read_photo
from curation.library.files import make_folder
from curation.library.versions import Member

if TYPE_CHECKING:
    from curation.library.library import Library
    from curation.library.records import Examination

UNLIKELY = 0.07
FARTHEST = 0.51  # the publisher's bound between one person and two, 0.6, less a margin
FEW, FEW_FARTHEST = 20, 0.38  # while fewer people than that are known, the others are no measure yet
NEIGHBOURS = 20
DIMENSIONS, DIMENSIONS_WEIGHT = 20.0, 20  # what is known of any face before its neighbours are looked at
VECTORS_VERSION = "dlib-resnet-v1-1"  # of `curation.analysis.identity`, network and chips
_KEY_BYTES, _VECTOR_BYTES = 16, 256
_LOOKED_AT = 64  # of the faces before, the nearest ones
_BLOCK = 256


def read_vectors(
    library: Library, members: Iterable[Member], *, progress: Callable[[int, int], None] | None = None
) -> dict[str, bytes] | None:
    """Read the vector of each face, (128,) float16 as bytes, by image id; ``None`` if one cannot be read.

    Parameters
    ----------
    members
        Those without a face or its mesh are passed over.
    progress
        Called with faces done and faces in all, if any was not known yet.

    Raises
    ------
    ExportError
        If the picture of an image is gone.
    """
    found: dict[str, bytes] = {}
    unknown: list[Member] = []
    for member in members:
        mesh = landmarks_of(member.examination).astype(np.float32)
        if has_face(member) and len(mesh) and np.isfinite(mesh).all() and np.ptp(mesh) > 0:
            known = _read_known(library, member)
            if known:
                found[member.image_id] = known
            else:
                unknown.append(member)
    if not unknown:
        return found
    from curation.analysis.identity import IdentityNetwork, weights_file  # torch takes seconds

    weights = weights_file()
    if weights is None:
        return None
    network = IdentityNetwork(weights, threads=THREADS)
    for done, (member, chip) in enumerate(read_each(library, unknown, _chip), start=1):
        if chip is None:
            continue
        vector = network.embed(chip).astype(np.float16).tobytes()
        path = library.files.identity(member.image_id)
        make_folder(path.parent)
        write_atomically(path, _key(member) + vector, durable=False)
        found[member.image_id] = vector
        if progress:
            progress(done, len(unknown))
    return found


def group_faces(vectors: Sequence[bytes]) -> list[int]:
    """Give each image the number of the first image of its person.

    Whoever comes later changes nothing for those before.

    Parameters
    ----------
    vectors
        In order of arrival, (128,) float16 each; empty where there is none.

    Returns
    -------
    people
        -1 where there is no vector.
    """
    people = [-1] * len(vectors)
    rows = [number for number, vector in enumerate(vectors) if vector]
    if not rows:
        return people
    faces = np.frombuffer(b"".join(vectors), np.float16).reshape(len(rows), -1).astype(np.float32)
    squares, known = (faces**2).sum(1), set[int]()
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        squared = squares[start:stop, None] + squares[:stop] - 2 * faces[start:stop] @ faces[:stop].T
        for place in range(start, stop):
            row = squared[place - start, :place]
            near = np.argpartition(row, _LOOKED_AT)[:_LOOKED_AT] if place > _LOOKED_AT else np.arange(place)
            first: dict[int, float] = {}  # the nearest face of each person, nearest person first
            for before in near[np.argsort(row[near], kind="stable")]:
                first.setdefault(people[rows[before]], float(np.sqrt(max(row[before], 0.0))))
            farthest = FARTHEST if len(known) >= FEW else FEW_FARTHEST
            people[rows[place]] = _same_person(first, rows[place], farthest)
            known.add(people[rows[place]])
    return people


def chance_among_strangers(nearest: float, others: Sequence[float]) -> float:
    """Estimate how often the nearest of strangers would be as near as ``nearest``, given where the others lie: 0 to 1.

    Faces around one face are taken to lie evenly in D dimensions. Of those within the distance R of the second of
    the others there are two, and the nearer one is within r with a chance of 1 - (1 - (r / R)^D)^2. D is estimated
    for each face from its own neighbours (Levina & Bickel 2004: the inverse of the mean logarithm of the ratios of
    their distances to the farthest one's), with `DIMENSIONS_WEIGHT` ratios of `DIMENSIONS` dimensions added, since
    few neighbours tell little.

    Parameters
    ----------
    others
        Distances to the nearest face of each other person, nearest first, one at least; the first `NEIGHBOURS` and
        one more count.
    """
    apart = np.maximum(others[: NEIGHBOURS + 1], 1e-6)
    ratios = np.log(apart[-1] / apart[:-1])
    dimensions = (len(ratios) + DIMENSIONS_WEIGHT) / (ratios.sum() + DIMENSIONS_WEIGHT / DIMENSIONS)
    within = min(len(apart), 2)
    volume = min(nearest / apart[within - 1], 1.0) ** dimensions
    return float(1 - (1 - volume) ** within)


def _same_person(first: Mapping[int, float], own: int, farthest: float) -> int:
    """The person of the nearest face, or ``own``, from the distance to each person, nearest first."""
    if not first:
        return own
    (person, nearest), *others = first.items()
    if nearest >= farthest:
        return own
    chance = chance_among_strangers(nearest, [distance for _, distance in others]) if others else 0.0
    return person if chance < UNLIKELY else own


def _chip(library: Library, member: Member, now: Examination | None) -> np.ndarray | None:
    from curation.analysis.identity import face_chip

    photo, anchors = read_photo(library, member, now), np.array(member.examination.anchors, np.float32)
    try:
        return face_chip(photo, landmarks_of(member.examination), anchors)
    except ValueError:  # an imported version may say anything
        return None


def _read_known(library: Library, member: Member) -> bytes:
    try:
        data = library.files.identity(member.image_id).read_bytes()
    except FileNotFoundError:
        return b""
    is_this = data[:_KEY_BYTES] == _key(member) and len(data) == _KEY_BYTES + _VECTOR_BYTES
    return data[_KEY_BYTES:] if is_this else b""


def _key(member: Member) -> bytes:
    """Of all that decides the vector."""
    seen = repr((VECTORS_VERSION, member.image_id, member.examination.anchors)).encode()
    return hashlib.sha256(seen + member.examination.landmarks).digest()[:_KEY_BYTES]
