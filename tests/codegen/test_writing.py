"""Names and lines of scripts."""

from app.codegen.writing import WIDTH, labelled, spread


def test_what_names_end_with_is_python_and_tells_them_apart_without_capitals() -> None:
    assert labelled(["kind", "Kind", "3", "a.b", "a_b"]) == {
        "kind": "_kind",
        "Kind": "_Kind_",
        "3": "_3",
        "a.b": "_a_b",
        "a_b": "_a_b_",
    }


def test_values_stand_in_lines_of_their_own_where_they_are_too_many() -> None:
    assert spread("found = ", ["a", "b"]) == ["    found = a, b"]
    assert spread("found = f", ["a", "b"], brackets=("(", ")")) == ["    found = f(a, b)"]
    names = [f"value_{i}" for i in range(30)]
    lines = spread("", names, " = part")
    assert (lines[0], lines[-1]) == ("    (", "    ) = part")
    assert all(len(line) <= WIDTH for line in lines)
