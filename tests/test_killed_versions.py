"""The process that makes a version is killed in the middle of it: the next makes it whole, and nothing else is left."""

from pathlib import Path

import pytest

from app.settings import Settings
from tests.conftest import TOKEN
from tests.deck import deck, wait_for

NUM_ROWS = 200_000


@pytest.mark.parametrize("how", ["uploads", pytest.param("relabel", marks=pytest.mark.full)])
def test_a_version_that_is_killed_while_it_is_made_is_made_whole(tmp_path: Path, how: str) -> None:
    table = b"x,kind\n" + b"".join(b"%d,%s\n" % (i, (b"a", b"b")[i % 2]) for i in range(NUM_ROWS))
    with deck(Settings(data_dir=tmp_path, token=TOKEN, slots=1)) as one:
        first = one.add_file("table.csv", table)
        body: dict[str, object] = {"relabel": {"column": "kind", "filter": ["kind:a"], "value": "c"}}
        if how == "uploads":
            more = table.replace(b",a\n", b",d\n")
            sent = one.post("/uploads", {"filename": "more.csv", "size_bytes": len(more)})["id"]
            one.http.put(f"/uploads/{sent}?offset=0", content=more).raise_for_status()
            body = {"uploads": [{"upload": sent}]}
        made = one.post(f"/datasets/{first}/versions", body)
        folder = tmp_path / "datasets" / made["id"]
        wait_for(lambda: list(folder.glob("attempt-*/*.parquet")) and one.job_processes(), every_s=0.001)[0].kill()
        wait_for(lambda: one.get(f"/datasets/{made['id']}")["status"] == "ready")
        found = one.get(f"/datasets/{made['id']}")
        assert found["num_rows"] == (2 * NUM_ROWS if how == "uploads" else NUM_ROWS)
        whole = [".json", ".parquet", ".parquet"]  # the rest goes once the version counts
        wait_for(lambda: sorted(path.suffix for path in folder.iterdir()) == whole)
        rows = one.get(f"/datasets/{made['id']}/rows?offset=0&limit=2")["rows"]
        assert [row["kind"] for row in rows] == (["a", "b"] if how == "uploads" else ["c", "b"])
        assert one.get(f"/datasets/{first}/rows?limit=1")["rows"][0]["kind"] == "a"
