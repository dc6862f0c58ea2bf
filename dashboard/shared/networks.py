"""Share the networks among all visitors, one conversion at a time, and describe the generators."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import streamlit as st
from safetensors import SafetensorError
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from core.checkpoints import read_info
from core.config import settings
from core.conversion.settings import DEFAULT_GENERATOR, ConversionSettings
from core.errors import AssetMissing
from core.models.families import FAMILIES, GENERATORS, ModelInfo
from core.models.folder import generator_file
from dashboard import access
from dashboard.shared.conversion_queue import ConversionQueue
from dashboard.shared.conversions import ERRORS, followed
from dashboard.shared.page_turn import PAGE_TURN
from dashboard.shared.texts import N_, _, translate_sentence
from dashboard.views.draw.drawing import tile_url

if TYPE_CHECKING:
    from core.pipeline import FaceResult

FAMILY_TITLES = {
    "sketch_autoencoder": N_("Sketch autoencoder"),
    "part_autoencoders": N_("Part autoencoders"),
    "face_bank": N_("Bank of training sketches"),
    "part_banks": N_("Banks of training parts"),
    "face_coverage": N_("Judge of covered faces"),
    "upscaler": N_("Upscaler"),
}
PAIRING = {"paired": N_("learned from pairs"), "unpaired": N_("learned without pairs")}
SEEN = {
    "paired": N_("Saw {count} photos, each beside its drawing."),
    "unpaired": N_("Saw {count} photos and as many drawings, never which belong together."),
}
ABOUT = {
    "pix2pixhd_local": N_("Has a second network for fine detail; the slowest."),
    "cyclegan_unet": N_("Lines reach the photo by a short way."),
    "ugatit": N_("Shows where it looks."),
}
EXPERIMENTAL_BELOW = 5000  # photos seen: the shipped models below it paint blotches, the one above does not


def family_title(family: str) -> str:
    """Name a family of networks as people do."""
    network = FAMILIES[family][0] if family in FAMILIES else None
    return str(getattr(network, "name", "") or _(FAMILY_TITLES.get(family, family.replace("_", " "))))


@dataclass(frozen=True)
class GeneratorCard:
    """A generator as a choice."""

    name: str  # what the pipeline is asked for
    title: str  # what a visitor calls it
    # pairing, about, licence: how it learned, what sets its architecture apart, what its weights are under; empty
    # where nothing is known.
    pairing: str = ""
    about: str = ""
    licence: str = ""
    # Photos that its training showed it, one as often as it came; None where its file does not say.
    seen: int | None = None

    @property
    def is_experimental(self) -> bool:
        """Whether it was trained too briefly to trust its photos."""
        return self.seen is not None and self.seen < EXPERIMENTAL_BELOW

    def line(self) -> str:
        """Describe the training in the visitor's language: what was seen, never how good the family should be."""
        said = [_("Experimental: briefly trained.")] if self.is_experimental else []
        if self.seen is not None and self.pairing:
            said.append(_(SEEN[self.pairing], count=f"{self.seen:,}"))
        return " ".join([*said, *([_(self.about)] if self.about else [])])


def cards(names: Iterable[str]) -> tuple[GeneratorCard, ...]:
    """A card for each generator: the default first, experimental ones last, the others as they come."""
    found = [_card(name) for name in names]
    return tuple(sorted(found, key=lambda card: (card.name != DEFAULT_GENERATOR, card.is_experimental)))


def _card(name: str) -> GeneratorCard:
    info = _info(name)
    if info is None or info.family not in GENERATORS:
        return GeneratorCard(name, name, licence="" if info is None else info.licence)
    network = GENERATORS[info.family][0]
    title = family_title(info.family)
    return GeneratorCard(
        name,
        title if name == info.family else f"{name} ({title})",
        getattr(network, "pairing", ""),
        ABOUT.get(info.family, ""),
        info.licence,
        info.images_seen,
    )


def _info(name: str) -> ModelInfo | None:
    """What a generator's file says of itself; None where it cannot be read."""
    try:
        return read_info(generator_file(settings().weights, name))
    except (AssetMissing, ValueError, OSError):
        return None


# What files that are cut short, altered or of another kind raise, at whatever depth they are read.
DAMAGE = (ValueError, RuntimeError, OSError, KeyError, TypeError, IndexError, SafetensorError)
Fingerprint = tuple[tuple[str, int, int], ...]


class NetworksDamaged(ValueError):
    """What every photo needs cannot be read; the message says which file, and what to do."""


class GeneratorUnusable(ValueError):
    """A generator cannot be used; the message says why, and the others still can."""


@dataclass(frozen=True)
class Abilities:
    """What a visitor can choose from; nothing while the networks are being loaded."""

    cards: tuple[GeneratorCard, ...] = ()
    has_parts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(card.name for card in self.cards)

    def card(self, name: str) -> GeneratorCard:
        """The card of a generator; one with its bare name where it is not among these."""
        return next((card for card in self.cards if card.name == name), GeneratorCard(name, name))


def weights_fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of the weights: what the loaded networks depend on."""
    if not folder.is_dir():
        return ()
    files = sorted(folder.glob("*.safetensors"))
    return tuple((file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files)


@st.cache_resource(show_spinner=False, max_entries=1)
def _load_pipeline(weights: Path, fingerprint: str, device: str, runtime: str) -> Any:
    """One pipeline for all visitors; loaded again when weights or settings change.

    The fingerprint is one text: Streamlit hashes a tuple item by item, at every run of every page.
    """
    from core.pipeline import SketchToFacePipeline

    networks = SketchToFacePipeline.load(weights, device=device, runtime=runtime)
    # Streamlit collects garbage after every run of a page, which would walk through all of torch each time.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return networks


@st.cache_resource(show_spinner=False)
def _queue() -> ConversionQueue:
    """One queue for all visitors."""
    return ConversionQueue()


@contextmanager
def _turn(on_wait: Callable[[int], None] | None = None) -> Iterator[None]:
    """Wait for the networks, as long as nothing newer of the same visitor waits behind this run.

    A run asks for the drawing of its beginning. Who has drawn on meanwhile gives the turn up, and the page runs
    again with the newest drawing; otherwise a busy studio would work through drawings that nobody waits for.
    """
    context = get_script_run_ctx(suppress_warning=True)
    visitor = threading.get_ident() if context is None else context.session_id
    person = None if context is None else access.visitor().name or None
    queue = _queue()
    with PAGE_TURN.aside(), queue.turn(visitor, person=person, is_superseded=is_superseded, on_wait=on_wait):
        yield


def is_superseded() -> bool:
    """Whether the browser has asked for another run of the page while this one is still busy."""
    context = get_script_run_ctx(suppress_warning=True)
    requests = context.script_requests if context is not None else None
    # Streamlit has no public way to look: a fragment's own request does not end the run that it waits for.
    return requests is not None and requests._state is not ScriptRequestType.CONTINUE


def pipeline() -> Any:
    """The networks, a ``core.pipeline.SketchToFacePipeline``, loaded once.

    Raises
    ------
    AssetMissing
        If the weights are not there.
    NetworksDamaged
        If they cannot be used.
    """
    chosen = settings()
    files = weights_fingerprint(chosen.weights)
    try:
        return _load_pipeline(chosen.weights, repr(files), chosen.device, chosen.runtime)
    except AssetMissing:
        raise
    except DAMAGE as error:
        raise NetworksDamaged(_with_way_out(error)) from error


def _with_way_out(error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    has_way_out = any(word in reason for word in ("Restore", "restore", "Run:"))
    reason = translate_sentence(f"{reason}.")
    return (
        reason
        if has_way_out
        else _("{reason} Restore the file from the repository, or train it again.", reason=reason)
    )


@st.cache_resource(show_spinner=False)
def _loader() -> ThreadPoolExecutor:
    """One thread that loads, whoever asks; what is loaded already it hands out at once."""
    return ThreadPoolExecutor(1, thread_name_prefix="load-networks")


@st.cache_resource(show_spinner=False)
def _tried() -> set[tuple[Any, ...]]:
    """The generators and kinds of stage 1 that have made a face since the weights last changed."""
    return set()


def _generator_mark(generator: str) -> tuple[Any, ...]:
    return weights_fingerprint(settings().weights), _file_stamp(generator), generator


def _marks(wanted: ConversionSettings) -> set[tuple[Any, ...]]:
    generator = _generator_mark(wanted.generator)
    return {generator, (generator[0], wanted.effective().stage1)}


def _file_stamp(generator: str) -> int:
    """When an imported generator's file was last written; 0 for the shipped ones."""
    path = settings().data / "models" / f"{generator}.safetensors"
    return path.stat().st_mtime_ns if Path(generator).name == generator and path.is_file() else 0


def until_ready(wanted: ConversionSettings | None = None, pause_s: float = 0.2) -> Iterator[None]:
    """Load what settings need beside the page, coming back to the caller every ``pause_s`` until it is there.

    Networks take seconds to load and to compile. A page that waited for them in one piece could not take a
    stroke meanwhile, nor could anybody else's.

    Raises
    ------
    AssetMissing, NetworksDamaged
        If the weights are not there, or cannot be used.
    GeneratorUnusable
        If the generator cannot be loaded or fails.
    """
    wanted = wanted or ConversionSettings()
    if _marks(wanted) <= _tried():
        return
    loading = _loader().submit(_try_out, wanted)
    while not _is_done(loading, pause_s):
        yield
    loading.result()


def _is_done(loading: Future[None], patience_s: float) -> bool:
    with PAGE_TURN.aside():
        return bool(wait([loading], timeout=patience_s).done)


def _try_out(wanted: ConversionSettings) -> None:
    """Load the networks, and make a first face with those that are only loaded when they are asked for."""
    try:
        networks = pipeline()
    except (AssetMissing, NetworksDamaged):
        ERRORS.labels("networks").inc()
        _tried().add(_failed())
        raise
    _tried().update(_marks(ConversionSettings()))
    marks = _marks(wanted)
    if marks <= _tried():
        return  # loaded with the others, or asked for by another visitor meanwhile
    try:
        networks(_dot_face(), generator=wanted.generator, stage1=wanted.effective().stage1)
    except DAMAGE as error:
        ERRORS.labels("generator").inc()
        raise GeneratorUnusable(_with_way_out(error)) from error
    _tried().update(marks)


def _failed() -> tuple[Any, ...]:
    """The mark of weights that could not be loaded."""
    return weights_fingerprint(settings().weights), "failed"


def readiness() -> Literal["ready", "waiting", "damaged"]:
    """Whether the networks are loaded, nobody has asked for them yet, or they could not be; loads nothing."""
    if _marks(ConversionSettings()) <= _tried():
        return "ready"
    return "damaged" if _failed() in _tried() else "waiting"


def forget() -> None:
    """Try everything out anew, as after the server's start."""
    _tried().clear()
    _samples().clear()


def _dot_face() -> np.ndarray:
    """A sketch with just enough on it to be a face."""
    sketch = np.full((512, 512), 255, np.uint8)
    for x, y in ((186, 244), (326, 244), (256, 320), (256, 385)):
        sketch[y - 10 : y + 10, x - 40 : x + 40] = 0
    return sketch


def abilities() -> Abilities:
    """What the networks that are loaded can do; never waits for any."""
    if not _marks(ConversionSettings()) <= _tried():
        return Abilities()
    networks = pipeline()
    return Abilities(cards(networks.generators), networks.has_parts)


def generate(
    sketch: np.ndarray, wanted: ConversionSettings, *, on_wait: Callable[[int], None] | None = None
) -> FaceResult:
    """Make a face of a sketch (512, 512) uint8, once it is this visitor's turn.

    ``on_wait`` is told how many drawings come before, where that takes longer than half a second.

    Raises
    ------
    Superseded
        If the visitor has drawn or set something newer meanwhile.
    AssetMissing
        If the weights are not there.
    """
    networks = pipeline()
    with followed(wanted) as conversion, _turn(on_wait):
        return conversion.run(lambda: networks(sketch, **wanted.arguments()))


@st.cache_resource(show_spinner=False)
def _samples() -> dict[tuple[Any, ...], str]:
    """One and the same demo drawing as each generator's photo, by the file that made it."""
    return {}


def sample_url(generator: str) -> str:
    """A small photo by a generator; empty as long as nobody asked for it with `make_sample`."""
    return _samples().get(_generator_mark(generator), "")


def make_sample(generator: str, sketch: np.ndarray) -> None:
    """Let a generator paint a drawing that shows what it does."""
    photo = generate(sketch, ConversionSettings(generator=generator)).photo
    url = "" if photo is None else tile_url(photo)
    _samples()[_generator_mark(generator)] = url


def ghost(sketch: np.ndarray, wanted: ConversionSettings) -> np.ndarray | None:
    """The training faces that a drawing is on its way to, blended: (S, S) uint8, black on white."""
    networks = pipeline()
    with _turn():
        return networks.ghost(sketch, k=wanted.k, stage1=wanted.stage1)


def people(sketch: np.ndarray, count: int) -> list[int]:
    """Whom a drawing may become: numbers for the setting ``person``, at most ``count``."""
    networks = pipeline()
    with _turn():
        return list(networks.people(sketch, count))
