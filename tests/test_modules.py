"""A page names the modules that its script needs."""

import pytest
from fastapi.testclient import TestClient

from app.modules import STATIC, modules_of
from tests.recorded import record


def test_everything_a_script_imports_is_found_and_is_there() -> None:
    for script in (STATIC / "js" / "pages").glob("*.js"):
        needed = modules_of(script.relative_to(STATIC).as_posix())
        assert needed
        assert all((STATIC / name).is_file() for name in needed)
        assert len(set(needed)) == len(needed)


def test_what_is_imported_late_is_not_fetched_early() -> None:
    assert "js/chartplot.js" in modules_of("js/pages/run.js")
    assert not [name for name in modules_of("js/pages/run.js") if "echarts" in name]


@pytest.mark.parametrize(
    ("library", "module"),
    [("vendor/uplot/uPlot.esm.js", "chartplot.js"), ("vendor/dagre/dagre.esm.js", "modelplacing.js")],
)
def test_only_one_module_knows_a_library(library: str, module: str) -> None:
    knowing = [path.name for path in (STATIC / "js").rglob("*.js") if library in path.read_text("utf-8")]
    assert knowing == [module]


def test_a_runs_page_names_its_modules(client: TestClient) -> None:
    run_id = record(client.app.state.database, "one", {"train/loss": [1.0]})  # type: ignore[attr-defined]
    page = client.get(f"/runs/{run_id}").text
    assert page.count('rel="modulepreload"') == len(modules_of("js/pages/run.js"))
