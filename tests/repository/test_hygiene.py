"""Laws about the repository itself: committed notebooks, import directions, file sizes."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from decodelib.checks.notebook import SOLUTION
from tools.book import chapter_notebooks
from tools.claims import calls

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "decodelib"
NOTEBOOKS = chapter_notebooks()
MODULES = sorted(PACKAGE.rglob("*.py"))

IMAGE_TYPES = {"image/png", "image/jpeg", "image/svg+xml"}
MACHINE_PATH = re.compile(
    r"(/home/|/Users/|/root/|/tmp/|/private/var/|/mnt/|/opt/|/work/|[A-Z]:\\\\?Users)"
)
LONGEST_CELL = 15
LONGEST_FILE = 300

HEAVY = {"transformers", "huggingface_hub", "matplotlib", "ipywidgets", "anywidget"}
HUB_LIBRARIES, DISPLAY_LIBRARIES = (
    {"transformers", "huggingface_hub"},
    {"matplotlib", "ipywidgets", "anywidget"},
)

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def code_cells(notebook: Path) -> list[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    ]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def outputs(notebook: Path) -> list[tuple[dict, dict]]:
    return [(cell, output) for cell in code_cells(notebook) for output in cell["outputs"]]


def imported(module: Path) -> set[str]:
    """The dotted names that a module imports at run time, inside functions too."""
    names: set[str] = set()
    todo: list[ast.AST] = [ast.parse(module.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{module.name} has a relative import, which is not followed here"
            )
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        todo += ast.iter_child_nodes(node)
    return names


def libraries(module: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(module)}


def dotted(module: Path) -> str:
    return ".".join(module.relative_to(PACKAGE).with_suffix("").parts)


def test_there_are_chapters_and_modules_to_check():
    assert NOTEBOOKS
    assert len(MODULES) > 10


@each_notebook
def test_notebooks_are_executed_top_to_bottom(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_notebooks_store_no_error_but_the_ones_they_mean_to_show(notebook):
    failed = [
        "".join(output["traceback"][-1:])
        for cell, output in outputs(notebook)
        if output["output_type"] == "error" and "raises-exception" not in tags(cell)
    ]
    assert not failed


@each_notebook
def test_notebooks_store_nothing_that_needs_a_kernel(notebook):
    mimes = {mime for _, output in outputs(notebook) for mime in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" not in mimes
    assert "widgets" not in json.loads(notebook.read_text(encoding="utf-8"))["metadata"]


@each_notebook
def test_notebooks_hold_no_path_of_the_machine_that_ran_them(notebook):
    data = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in data["cells"]:
        for output in cell.get("outputs", []):
            # Base64 pictures can hold any letters; everything else is text.
            for mime in IMAGE_TYPES - {"image/svg+xml"}:
                output.get("data", {}).pop(mime, None)
    assert not MACHINE_PATH.findall(json.dumps(data))


@each_notebook
def test_notebooks_hold_no_timing_metadata(notebook):
    data = json.loads(notebook.read_text(encoding="utf-8"))
    assert not [cell.get("id") for cell in data["cells"] if "execution" in cell["metadata"]]


@each_notebook
def test_code_cells_are_short_enough_to_read(notebook):
    lengths = {
        cell["id"]: lines_beside_claims("".join(cell["source"]))
        for cell in code_cells(notebook)
        if not {"plot", "quiz"} & set(tags(cell))
    }
    assert {cell: lines for cell, lines in lengths.items() if lines > LONGEST_CELL} == {}


def lines_beside_claims(source: str) -> int:
    """Count lines of code; a claim is a sentence with its measure, and is read as prose is."""
    claimed = sum(call.end_lineno - call.lineno + 1 for call in calls(source))
    return sum(line.strip() not in ("", SOLUTION) for line in source.splitlines()) - claimed


@each_notebook
def test_figures_have_alternative_text(notebook):
    missing = [
        cell["id"]
        for cell, output in outputs(notebook)
        if IMAGE_TYPES & output.get("data", {}).keys()
        and not cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "").strip()
    ]
    assert not missing


@each_notebook
def test_first_output_names_the_model(notebook):
    first = "".join(text for _, output in outputs(notebook)[:1] for text in output.get("text", []))
    assert "storybook" in first


def test_table_of_contents_lists_the_chapters_that_exist():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    pages = [*NOTEBOOKS, *(ROOT / "chapters").glob("*.md")]
    assert sorted(listed) == sorted(f"chapters/{page.stem}" for page in pages)


def test_every_room_imports_only_rooms_below_it():
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@each_module
def test_only_loading_imports_the_hub_libraries(module):
    if not dotted(module).startswith(("models.hf", "models.hub", "models.gguf")):
        assert not libraries(module) & HUB_LIBRARIES


@each_module
def test_only_viz_imports_display_libraries_and_nothing_imports_viz(module):
    if not dotted(module).startswith("viz"):
        assert not libraries(module) & DISPLAY_LIBRARIES
        assert not {name for name in imported(module) if name.startswith("decodelib.viz")}


def test_importing_decodelib_loads_no_heavy_library():
    code = f"import sys, decodelib; print(sorted({HEAVY!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_python_files_fit_in_one_reading():
    folders = ["decodelib", "tests", "tools", "training", "benchmarks", "chapters"]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    sizes = {
        str(f.relative_to(ROOT)): len(f.read_text(encoding="utf-8").splitlines()) for f in files
    }
    assert not {name: lines for name, lines in sizes.items() if lines > LONGEST_FILE}


def test_front_end_names_no_host():
    front_end = [p for p in (PACKAGE / "viz" / "static").rglob("*") if p.suffix in {".js", ".css"}]
    assert front_end
    # The SVG namespace is a name, never fetched.
    named = {
        path.name: [
            url
            for url in re.findall(r"(?:https?:)?//\w[\w.-]+\.\w+[^\s\"')]*", text)
            if "www.w3.org" not in url
        ]
        for path in front_end
        if (text := path.read_text(encoding="utf-8"))
    }
    assert not {name: urls for name, urls in named.items() if urls}
