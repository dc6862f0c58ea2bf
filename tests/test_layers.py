"""Who may import whom, where heavy libraries live, and what may lie in the repository."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "core": {"core"},
    "curation": {"curation", "core"},
    "eval": {"eval", "core"},
    "dashboard": {"dashboard", "curation", "eval", "core"},
}
ONLY_HOME = {
    "mediapipe": {"core/landmarks.py"},
    "faiss": {"core/nearest.py"},
    "openvino": {"core/runtime.py"},
    "ray": {"curation/ray_engine.py"},
    "sqlalchemy": {"curation/library/"},
    "alembic": {"curation/library/"},
    "sklearn": {"curation/proposals.py", "curation/train_coverage.py", "curation/sample_dataset.py"},
    "datasets": {"curation/intake/imports_imagefolder.py"},
    "pycocotools": {"curation/intake/imports_coco.py"},
    "streamlit_drawable_canvas": {"dashboard/views/draw/canvas.py"},
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "misc", "common"}
TOP_LEVEL_FOLDERS = {"dashboard", "core", "curation", "eval", "weights", "data", "tests"}
MAX_FILE_BYTES = 5_000_000
MAX_WEIGHTS_BYTES = 120_000_000

SOURCES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each imported module in full, and the innermost function around the import ('' at the top)."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, function) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                package = path.relative_to(ROOT).parent.parts
                base = package[: len(package) - child.level + 1] if child.level else ()
                yield ".".join([*base, *([child.module] if child.module else [])]), function
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from walk(child, child.name if is_function else function)

    yield from walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), "")


IMPORTS = {path: list(imports_of(path)) for path in SOURCES}


def importers_of(library: str) -> set[str]:
    return {
        name_of(path)
        for path, found in IMPORTS.items()
        if any(module.split(".")[0] == library for module, _ in found)
    }


@pytest.fixture(scope="module")
def repository_files() -> list[Path]:
    """Every file that is tracked or would be with ``git add``."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this is no git checkout, so nothing says which files belong to it ({error})")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = (set(MAY_IMPORT) | {"tests"}) - MAY_IMPORT[package]
    offenders = [
        f"{name_of(path)} imports {module}"
        for path, found in IMPORTS.items()
        if path.relative_to(ROOT).parts[0] == package
        for module, _ in found
        if module.split(".")[0] in forbidden
    ]
    assert offenders == []


def test_only_the_dashboard_knows_streamlit() -> None:
    assert [name for name in importers_of("streamlit") if not name.startswith("dashboard/")] == []


@pytest.mark.parametrize(("library", "home"), ONLY_HOME.items())
def test_a_heavy_library_is_imported_in_one_place(library: str, home: set[str]) -> None:
    """A home that ends with a slash is a folder."""
    folders = tuple(place for place in home if place.endswith("/"))
    strangers = {name for name in importers_of(library) - home if not name.startswith(folders)}
    assert strangers == set()


def test_progress_bars_belong_to_main_functions() -> None:
    offenders = [
        name_of(path)
        for path, found in IMPORTS.items()
        for module, function in found
        if module.split(".")[0] == "tqdm" and function != "main"
    ]
    assert offenders == []


def test_training_needs_neither_mediapipe_nor_faiss_nor_streamlit() -> None:
    modules = [name_of(path).removesuffix(".py").replace("/", ".") for path in SOURCES]
    training = [module for module in modules if module.startswith("core.training.")]
    code = (
        "import importlib, sys\n"
        "for blocked in ('mediapipe', 'faiss', 'streamlit'): sys.modules[blocked] = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *training], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_checking_weights_imports_no_compiler() -> None:
    code = (
        "import sys\n"
        "from core.models.families import FAMILIES, shapes_of_network\n"
        "for family, (_, config) in FAMILIES.items(): shapes_of_network(family, config())\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"  # four seconds of each start
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_module_hides_one_of_the_standard_library() -> None:
    assert [name_of(path) for path in SOURCES if path.stem in sys.stdlib_module_names] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name_of(path) for path in SOURCES if path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_no_file_of_the_dashboard_is_named_like_a_top_level_folder() -> None:
    in_dashboard = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "dashboard"]
    assert [name_of(path) for path in in_dashboard if path.stem in TOP_LEVEL_FOLDERS] == []


def test_nothing_in_the_dashboard_hides_an_installed_package() -> None:
    """Streamlit puts the folder of the file that it runs before all others on Python's path."""
    names = {path.stem for path in (ROOT / "dashboard").glob("*.py")} - {"__init__"}
    assert [name for name in sorted(names) if importlib.util.find_spec(name)] == []


def test_top_level_folders_are_those_of_the_design(repository_files: list[Path]) -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in repository_files if path.parent != ROOT}
    assert {name for name in folders if not name.startswith(".")} <= TOP_LEVEL_FOLDERS


def test_data_holds_only_its_readme_and_what_we_made(repository_files: list[Path]) -> None:
    in_data = [name_of(path) for path in repository_files if path.is_relative_to(ROOT / "data")]
    assert [name for name in in_data if name != "data/README.md" and not name.startswith("data/demo/")] == []


def test_files_outside_weights_are_small(repository_files: list[Path]) -> None:
    large = [
        name_of(path)
        for path in repository_files
        if not path.is_relative_to(ROOT / "weights") and path.stat().st_size > MAX_FILE_BYTES
    ]
    assert large == []


def test_weights_together_stay_small_enough_for_git(repository_files: list[Path]) -> None:
    weights = [path for path in repository_files if path.is_relative_to(ROOT / "weights")]
    assert sum(path.stat().st_size for path in weights) <= MAX_WEIGHTS_BYTES


def test_every_command_that_is_installed_can_be_called() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    targets = [target.split(":") for target in scripts.values()]
    missing = [
        module
        for module, function in targets
        if f"def {function}(" not in (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    ]
    assert targets and missing == []
