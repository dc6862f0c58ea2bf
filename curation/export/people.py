"""Which images of a version show one person, so that nobody lies in train and in validation.

Each face has a vector (`curation.judging.identity`), read once and kept beside the library's pictures; it never
leaves the library and goes with its image. An image follows the nearest face that came before it if that one is
clearly nearer than anybody else's (`NEARER` of the distance; Lowe's ratio test, 2004) and than strangers mostly are
(`STRANGERS`). A fixed distance would serve nobody: of 3 781 synthetic strangers' pairs 33 % of the Asian women's lie
below 0.45, 18 % of the Black women's and 2 % of the white women's, while photos of one person reach 0.5. Beside the
nearest other face 9 %, 9 % and 3 % of them follow a stranger. A wrong tie costs little: a stranger goes to the same
side, and `curation.export.splits` bounds how many do. ``python -m tests.benchmarks.people_validity`` measures it all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from core.atomic_files import write_atomically
from curation.export.pictures import THREADS, has_face, landmarks_of, read_photo
from curation.library.files import make_folder
from curation.library.images import Member

if TYPE_CHECKING:
    from curation.library.library import Library
    from curation.library.records import Examination

NEARER = 0.85
STRANGERS = 0.6  # the publisher's bound between one person and two
FEW, FEW_STRANGERS = 20, 0.45  # while fewer people than that are known, the nearest other is no measure yet
VECTORS_VERSION = "dlib-resnet-v1-1"  # of `curation.judging.identity`, network and chips
_KEY_BYTES, _VECTOR_BYTES = 16, 256
_LOOKED_AT = 64  # of the faces before, the nearest ones
_BLOCK = 256
_AT_ONCE = 64


def read_vectors(
    library: Library, members: Iterable[Member], *, progress: Callable[[int, int], None] | None = None
) -> dict[str, bytes] | None:
    """The vector of each face, (128,) float16 as bytes, by image id; ``None`` if some are unknown and cannot be read.

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
    from curation.judging.identity import IdentityNetwork, weights_file  # torch takes seconds

    weights = weights_file()
    if weights is None:
        return None
    network = IdentityNetwork(weights, threads=THREADS)
    for done, (member, chip) in enumerate(_chips(library, unknown), start=1):
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
            limit = STRANGERS if len(known) >= FEW else FEW_STRANGERS
            people[rows[place]] = _same_person(first, rows[place], limit)
            known.add(people[rows[place]])
    return people


def _same_person(first: Mapping[int, float], own: int, limit: float) -> int:
    (nearest, distance), (_, other) = [*first.items(), (own, limit), (own, limit)][:2]
    return nearest if distance < NEARER * min(other, limit) else own


def _chips(library: Library, members: Sequence[Member]) -> Iterator[tuple[Member, np.ndarray | None]]:
    waiting = iter(members)
    with ThreadPoolExecutor(THREADS) as threads:
        while some := list(islice(waiting, _AT_ONCE)):
            now = library.examinations([member.image_id for member in some])

            chips = threads.map(_chip, [library] * len(some), some, [now.get(one.image_id) for one in some])
            yield from zip(some, chips, strict=True)


def _chip(library: Library, member: Member, now: Examination | None) -> np.ndarray | None:
    from curation.judging.identity import face_chip

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
