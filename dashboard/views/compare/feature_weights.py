"""The protocol, and where its weights come from: FID needs a file that is not part of the product."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared.formatting import size_text
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.server_paths import PathRefused, ask_path
from dashboard.shared.texts import N_, _
from dashboard.shared.uploads import take_staged
from eval.protocols import BASES, WITHOUT_WEIGHTS, protocol

if TYPE_CHECKING:
    from eval.comparison.request import ComparisonRequest

OWN = "own"
SAYS = {
    "fd_effnet_lite0": N_("Fréchet distance of EfficientNet-Lite0 features · works at once"),
    "fid_clean": N_("FID as clean-fid computes it"),
    "fid_pytorch": N_("FID as pytorch-fid computes it"),
    "fid_tf1": N_("FID as torch-fidelity and the original TensorFlow code compute it"),
    "fid_torchmetrics": N_("FID as torchmetrics with antialias computes it"),
    OWN: N_("Fréchet distance of a network of your own (ONNX or safetensors)"),
}
UPLOAD_MB = 200
_CUSTOM = "compare_inception_file"


def show_protocol(repeated: ComparisonRequest | None, *, key: str) -> tuple[str, Path | None]:
    """Name of the protocol, empty as long as its weights are missing; and the weights where they are a file."""
    options = [*sorted(BASES, key=lambda name: name != WITHOUT_WEIGHTS), OWN]
    before = protocol(repeated.protocol) if repeated else None
    base = next(
        (name for name in BASES if before and before.name.startswith(name)),
        OWN if before else WITHOUT_WEIGHTS,
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    picked = left.selectbox(
        _("Protocol"), options, index=options.index(base), key=f"compare_protocol_{key}",
        format_func=lambda name: _(SAYS[name]) + ("" if name == OWN else f" · {name}"),
        help=_("It fixes network, decoding and resizing. Numbers of different protocols are never ranked together."),
    )  # fmt: skip
    samples = right.number_input(
        _("Images of each set (0: all)"), 0, 1_000_000, (before.samples or 0) if before else 0,
        key=f"compare_samples_{key}", help=_("A number makes comparisons of different size comparable."),
    )  # fmt: skip
    suffix = f"_{samples}" if samples >= 2 else ""
    if picked == OWN:
        return _ask_own(repeated, suffix, key=key)
    if picked == WITHOUT_WEIGHTS:
        return picked + suffix, None
    is_there, weights = _ask_inception(repeated, key=key)
    return (picked + suffix, weights) if is_there else ("", None)


def _ask_own(repeated: ComparisonRequest | None, suffix: str, *, key: str) -> tuple[str, Path | None]:
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    name = left.text_input(
        _("Its name"), key=f"compare_own_network_{key}", placeholder="dinov2", help=_("a to z and 0 to 9")
    ).strip()
    with right:
        path = ask_path(
            _("File on the server"), value=str((repeated.weights if repeated else None) or ""),
            key=f"compare_own_file_{key}", placeholder="/path/to/network.onnx",
            help=_("Takes (1, 3, 224, 224) in [-1, 1], gives features."), endings=(".onnx", ".safetensors", ".pt"),
        )  # fmt: skip
    weights = _file(path)
    if not name or weights is None:
        return "", None
    try:
        return protocol(f"fd_{name}{suffix}").name, weights
    except ValueError as error:
        st.error(as_text(error), icon=":material/error:")
        return "", None


def _file(path: Path | PathRefused | None) -> Path | None:
    """What was asked for where it is a file; of a folder say that it is none."""
    if not isinstance(path, Path):
        return None
    if not path.is_file():
        st.error(_("That is a folder; give the path of a file."), icon=":material/folder_off:")
        return None
    return path


def _ask_inception(repeated: ComparisonRequest | None, *, key: str) -> tuple[bool, Path | None]:
    """Whether there are weights, and which file where it is not the reference in its usual place."""
    from eval.inception import ASSET, find_inception

    found = find_inception()
    custom = st.session_state.get(_CUSTOM) or (str(repeated.weights) if repeated and repeated.weights else "")
    if custom and Path(custom).is_file():
        st.caption(":material/check: " + _("Weights: {path}", path=as_code(custom)))
        if st.button(_("Take other weights"), type="tertiary", key=f"compare_other_weights_{key}"):
            st.session_state[_CUSTOM] = ""
            st.rerun(scope="fragment")
        return True, Path(custom)
    if found is not None:
        st.caption(":material/check: " + _("FID's reference weights are here: {path}", path=as_code(found)))
        return True, None
    size = size_text(ASSET.size_bytes)
    st.info(
        _(
            "FID needs its Inception weights ({size}, {licence}), which are not part of this product. Download "
            "them, upload the file, or name it. Without them, take the EfficientNet-Lite0 protocol.",
            size=size,
            licence=ASSET.licence,
        ),
        icon=":material/info:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button(_("Download and check"), icon=":material/download:", key=f"compare_fetch_{key}"):
            _fetch()
        with st.popover(_("Upload"), icon=":material/upload_file:", key=f"compare_upload_weights_{key}"):
            uploaded = st.file_uploader(
                f"{ASSET.name}, {size}",
                type=["pth", "pt"],
                max_upload_size=UPLOAD_MB,
                key=f"compare_weights_{key}",
            )
            if files := take_staged(uploaded, limit_mb=UPLOAD_MB):
                _keep(files[0].read_bytes())
        typed = ask_path(
            _("Or a file on the server"), key=f"compare_weights_path_{key}", endings=(".pth", ".pt"),
            placeholder="/path/to/" + ASSET.name,
        )  # fmt: skip
    path = _file(typed)
    return path is not None, path


def _fetch() -> None:
    from core.errors import AssetMissing
    from eval.inception import fetch_inception

    try:
        with st.spinner(_("Downloading and checking …")):
            fetch_inception()
    except AssetMissing as error:
        st.error(as_text(error), icon=":material/cloud_off:")
    else:
        st.rerun(scope="fragment")


def _keep(data: bytes) -> None:
    from eval.inception import find_inception, keep_upload

    try:
        with st.spinner(_("Checking …")):
            path = keep_upload(data)
    except (ValueError, OSError) as error:
        st.error(as_text(error), icon=":material/error:")
        return
    if path != find_inception():
        st.session_state[_CUSTOM] = str(path)
    st.rerun(scope="fragment")
