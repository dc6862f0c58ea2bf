"""The Models page over real model files, without a browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.checkpoints import read_info, save_model
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.generators.ugatit import AttentionTranslator, UGATITConfig
from core.models.conventions import Conventions
from core.models.folder import list_models
from core.models.speed import Speed, keep_speed
from dashboard.shared.uploads import StagedFile
from dashboard.views.models.drafts import drafts_folder, make_draft, spool_upload
from dashboard.views.models.formatting import card_text, short_licence
from eval.comparison import comparison_store
from eval.comparison.request import ComparisonRequest, GeneratorSource, write_request

CYCLEGAN = CycleGANConfig(input_nc=3, ngf=4, n_blocks=1)
SCRIPT = "from dashboard.views.models import page\npage.show_page()"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Weights with one shipped generator, and an empty folder of imported ones."""
    weights, data = tmp_path / "weights", tmp_path / "data"
    weights.mkdir()
    monkeypatch.setenv("STUDIO_WEIGHTS", str(weights))
    monkeypatch.setenv("STUDIO_DATA", str(data))
    put(weights / "shipped.safetensors")
    return weights, data / "models"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, ResnetTranslator(CYCLEGAN), provenance={}, licence="CC0", conventions=Conventions(32, 3))
    return path


def checkpoint(path: Path) -> Path:
    """A U-GAT-IT file with both directions, as that project writes it."""
    networks = {}
    for seed, name in enumerate(("genA2B", "genB2A")):
        torch.manual_seed(seed)
        network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, img_size=32))
        networks[name] = network.state_dict()
    torch.save(networks, path)
    return path


@pytest.fixture
def open_view(folders: tuple[Path, Path]) -> Callable[[], AppTest]:
    return lambda: AppTest.from_string(SCRIPT, default_timeout=120).run()


def text_of(view: AppTest) -> str:
    return " ".join(e.value for e in [*view.markdown, *view.caption, *view.error, *view.info, *view.warning])


def press(view: AppTest, key: str) -> AppTest:
    view.button(key=key).click().run()
    assert not view.exception
    return view


def read_on_disk(view: AppTest, path: Path) -> AppTest:
    press(view, "models_import")
    view.segmented_control(key="import_way_0").set_value("On the server's disk").run()
    view.text_input(key="import_path_0").set_value(str(path)).run()
    return press(view, "import_read_0")


def test_every_model_is_listed_with_its_facts(folders: tuple[Path, Path], open_view) -> None:
    put(folders[1] / "mine.safetensors")
    text = text_of(open_view())
    assert "2 generators" in text and "1 of them yours" in text
    for fact in ("shipped", "mine", "CycleGAN", "32 px", "parameters", "learned without pairs", "CC0"):
        assert fact in text


def test_a_shipped_model_is_called_by_its_title_once(folders: tuple[Path, Path], open_view) -> None:
    (folders[0] / "shipped.safetensors").rename(folders[0] / "cyclegan.safetensors")
    text = text_of(open_view())
    assert "**CycleGAN** &nbsp;:gray-badge" in text and "cyclegan" not in text


def test_models_whose_names_differ_in_punctuation_stand_side_by_side(
    folders: tuple[Path, Path], open_view
) -> None:
    for name in ("mine.1", "mine-1"):
        put(folders[1] / f"{name}.safetensors")
    view = press(open_view(), "open_mine.1")
    assert "3 generators" in text_of(view)


def test_no_models_at_all_is_explained(folders: tuple[Path, Path], open_view) -> None:
    (folders[0] / "shipped.safetensors").unlink()
    view = open_view()
    assert not view.exception and "Import one" in text_of(view)


def test_a_damaged_file_is_shown_with_its_problem_and_the_others_stay(
    folders: tuple[Path, Path], open_view
) -> None:
    broken = put(folders[1] / "broken.safetensors")
    broken.write_bytes(broken.read_bytes()[:1000])
    view = open_view()
    assert not view.exception
    assert "broken.safetensors" in view.error[0].value and "1 generator" in text_of(view)


def test_an_opened_model_shows_its_conventions_and_a_picture(folders: tuple[Path, Path], open_view) -> None:
    view = press(open_view(), "open_shipped")
    assert "black on white, 3 channels, -1 to 1" in text_of(view)
    assert any("model-trial" in element.value for element in view.get("html"))


def test_a_kept_speed_is_shown(folders: tuple[Path, Path], open_view) -> None:
    (model,) = list_models(*folders)
    keep_speed(folders[1], "shipped", model.fingerprint, Speed(41.0, "torch-bf16", 50.0, 32, 2, 0.0))
    assert open_view().button(key="measure_shipped").label == "41 ms"


def test_measuring_keeps_a_figure(folders: tuple[Path, Path], open_view, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_RUNTIME", "torch")
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    view = press(open_view(), "measure_shipped")
    assert view.button(key="measure_shipped").label.endswith("ms")


def test_a_checkpoint_on_the_disk_is_imported_with_its_conventions(
    folders: tuple[Path, Path], open_view, tmp_path: Path
) -> None:
    view = read_on_disk(open_view(), checkpoint(tmp_path / "selfie.pt"))
    assert "U-GAT-IT, full (32 px only)" in text_of(view)
    stem = next(drafts_folder().glob("*.safetensors")).stem
    view.segmented_control(key=f"import_{stem}_polarity").set_value("white_on_black").run()
    view.text_input(key="import_licence_0").set_value("MIT").run()
    press(view, "import_do_0")
    info = read_info(folders[1] / "selfie.safetensors")
    assert info.conventions == Conventions(32, 3, "white_on_black") and info.licence == "MIT"
    assert not list(drafts_folder().iterdir())
    assert "selfie is imported" in text_of(view)


def test_the_other_network_of_the_file_can_be_taken(
    folders: tuple[Path, Path], open_view, tmp_path: Path
) -> None:
    view = read_on_disk(open_view(), checkpoint(tmp_path / "selfie.pt"))
    stem = next(drafts_folder().glob("*.safetensors")).stem
    view.selectbox(key=f"import_network_0_{stem}").set_value("genB2A").run()
    press(view, "import_do_0")
    assert read_info(folders[1] / "selfie.safetensors").provenance["network"] == "genB2A"


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_what_is_no_checkpoint_is_refused_and_leaves_nothing(
    open_view, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    view = read_on_disk(open_view(), tmp_path / "net.pth")
    assert "net.pth is" in view.error[0].value
    assert not list(drafts_folder().iterdir())


def test_a_taken_name_is_refused_and_the_draft_stays(open_view, tmp_path: Path) -> None:
    view = read_on_disk(open_view(), checkpoint(tmp_path / "shipped.pt"))
    press(view, "import_do_0")
    assert "is taken" in view.error[0].value
    view.text_input(key="import_name_0").set_value("another").run()
    press(view, "import_do_0")
    assert not view.error and "another is imported" in text_of(view)


def test_cancelling_deletes_what_was_read_but_not_the_file(open_view, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "selfie.pt")
    press(read_on_disk(open_view(), path), "import_drop_0")
    assert path.is_file() and not list(drafts_folder().iterdir())


def test_a_draft_that_somebody_swept_away_is_said(open_view, tmp_path: Path) -> None:
    view = read_on_disk(open_view(), checkpoint(tmp_path / "selfie.pt"))
    for file in drafts_folder().iterdir():
        file.unlink()
    view.run()
    assert not view.exception and "gone" in text_of(view)


def test_an_uploads_copy_goes_when_it_is_refused(folders: tuple[Path, Path]) -> None:
    (folders[0] / "upload").write_bytes(b"junk")
    path = spool_upload(StagedFile("net.pth", folders[0] / "upload", 4, "session"))
    with pytest.raises(ValueError, match=r"net\.pth is no checkpoint"):
        make_draft(path, "net.pth", None, is_spooled=True)
    assert not list(drafts_folder().iterdir())


def test_renaming_and_deleting_after_a_question(folders: tuple[Path, Path], open_view) -> None:
    put(folders[1] / "mine.safetensors")
    view = press(open_view(), "open_mine")
    view.text_input(key="new_name_mine").set_value("ours").run()
    press(view, "rename_mine")
    assert (folders[1] / "ours.safetensors").is_file() and "ours now" in text_of(view)
    press(view, "removing_ours")
    assert "**ours** (36.9 kB) is deleted for good" in text_of(view) and "No comparison names it." in text_of(
        view
    )
    press(view, "keep_ours")
    assert (folders[1] / "ours.safetensors").is_file()
    press(press(view, "removing_ours"), "remove_ours")
    assert not list(folders[1].glob("*")) and "ours is deleted" in text_of(view)


def test_the_question_says_what_a_model_is_needed_for(folders: tuple[Path, Path], open_view) -> None:
    put(folders[1] / "mine.safetensors")
    root = comparison_store.root_of(folders[1].parent)
    for day, generator in ((1, "mine"), (2, "mine"), (3, "shipped")):
        drawn = GeneratorSource(generator=generator, data=folders[0])
        write_request(
            root / f"2026010{day}-000000-abcdef", ComparisonRequest(real=folders[0], fakes={"a": drawn})
        )
    view = press(press(open_view(), "open_mine"), "removing_mine")
    assert "2 comparisons name it: they stay, but cannot be repeated without the model." in text_of(view)


def test_settings_of_an_imported_model_can_be_corrected(folders: tuple[Path, Path], open_view) -> None:
    path = put(folders[1] / "mine.safetensors")
    view = press(open_view(), "open_mine")
    view.segmented_control(key="change_mine_colour").set_value("bgr").run()
    press(view, "save_mine")
    info = read_info(path)
    assert info.conventions is not None and info.conventions.colour == "bgr"


def test_shipped_models_offer_neither_renaming_nor_removal(open_view) -> None:
    view = press(open_view(), "open_shipped")
    assert not [button for button in view.button if button.key and button.key.startswith(("re", "save"))]


def test_a_model_that_another_visitor_removed_is_said(folders: tuple[Path, Path], open_view) -> None:
    path = put(folders[1] / "mine.safetensors")
    view = press(open_view(), "open_mine")
    press(view, "removing_mine")
    path.unlink()
    press(view, "remove_mine")
    assert "not there any more" in view.error[0].value


def test_a_card_beside_the_file_is_shown_without_broken_links(folders: tuple[Path, Path]) -> None:
    (folders[0] / "shipped.md").write_text(
        "# shipped\n\nSee [README](README.md), ![loss](gone.png) [x](https://x.y)"
    )
    (model,) = list_models(*folders)
    assert card_text(model) == "See README,  [x](https://x.y)"


def test_of_networks_without_telling_names_a_generator_is_taken_and_the_others_are_offered(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    generator = ResnetTranslator(CYCLEGAN).state_dict()
    path = tmp_path / "net.pth"
    torch.save({"judge": {"x": torch.zeros(1)}, "first": generator, "second": generator}, path)
    draft = make_draft(path, "net.pth", None, is_spooled=False)
    assert (draft.network, draft.networks) == ("first", ("judge", "first", "second"))


def test_a_network_with_batch_norm_is_shown_either_way(
    folders: tuple[Path, Path], tmp_path: Path, open_view
) -> None:
    network = ResnetTranslator(dataclasses.replace(CYCLEGAN, norm="batch"))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    view = read_on_disk(open_view(), tmp_path / "net.pth")
    choice = next(one for one in view.segmented_control if one.label == "BatchNorm goes by")
    choice.set_value("picture").run()
    assert not view.exception
    assert not view.error
    view.text_input(key="import_name_0").set_value("한글-그림").run()
    press(view, "import_do_0")
    assert read_info(folders[1] / "한글-그림.safetensors").conventions.statistics == "picture"


def test_a_card_that_was_made_of_what_people_typed_holds_no_link(folders: tuple[Path, Path]) -> None:
    put(folders[1] / "mine.safetensors").with_suffix(".md").write_text(
        "# mine\n\n- Licence: ![x](http://evil.example/p.png) <b> https://evil.example"
    )
    (model,) = (model for model in list_models(*folders) if not model.is_shipped)
    assert card_text(model) == (
        "- Licence: !\\[x](http:\u2060//evil.example/p.png) \\<b> https:\u2060//evil.example"
    )


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("unknown: set --licence to that of the training photos", "licence unknown"),
        ("", "licence unknown"),
        ("CC BY-NC-SA 4.0 (weights)", "CC BY-NC-SA 4.0"),
    ],
)
def test_a_licence_is_named_without_advice_for_the_command_line(licence: str, said: str) -> None:
    assert short_licence(licence) == said
