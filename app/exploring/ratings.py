"""What users said of items: how many there are, how unevenly they are rated, who was rated twice.

DuckDB counts, in bounded memory: beyond that it writes beside it, into a folder that is gone afterwards.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.exploring.schemas import RatedSide, RatedValue, RatingsOut

if TYPE_CHECKING:
    from app.stored.searching import Relation

Run = Callable[[str], list[tuple[Any, ...]]]

MAX_SHOWN = 10
FEW = 5  # ratings, of which little is learned


def count_ratings(place: Path, user: str, item: str, value: str) -> RatingsOut:
    """The ratings of the table in `place`, whose columns say who rated what and how, the last one in numbers.

    Rows where one of the three is missing or infinite are left out.
    """
    from app.stored.searching import connected, relate  # takes a moment, and the server starts without
    from app.stored.table import open_table

    table = open_table(place)
    with connected(place) as connection:
        relation = relate(connection, table)
        given = _given(relation, user, item, value)

        def run(sql: str) -> list[tuple[Any, ...]]:
            found: list[tuple[Any, ...]] = connection.execute(sql.format(given=given), relation.files).fetchall()
            return found

        ((num_ratings,),) = run("SELECT count(*) FROM {given}")
        ((num_pairs, num_repeated, num_contradicted),) = run(_PAIRS)
        users, items = (_side(run, side) for side in ("u", "i"))
    possible = users.num * items.num
    return RatingsOut(
        num_ratings=num_ratings,
        num_left_out=table.num_rows - num_ratings,
        density=num_pairs / possible if possible else None,
        num_repeated=num_repeated,
        num_contradicted=num_contradicted,
        users=users,
        items=items,
    )


_PAIRS = """
    SELECT count(*), coalesce(sum(n - 1), 0)::BIGINT, coalesce(sum(n) FILTER (low < high), 0)::BIGINT
    FROM (SELECT count(*) AS n, min(v) AS low, max(v) AS high FROM {given} GROUP BY u, i)
"""
_COUNTS = "(SELECT {side} AS name, count(*) AS n, avg(v) AS mean FROM {{given}} GROUP BY {side})"


def _given(relation: "Relation", user: str, item: str, value: str) -> str:
    """The ratings as u, i and v."""
    u, i, v = (relation.columns[name][0] for name in (user, item, value))
    whole = f"{u} IS NOT NULL AND {i} IS NOT NULL AND isfinite({v}::DOUBLE)"
    return f"(SELECT {u} AS u, {i} AS i, {v}::DOUBLE AS v FROM {relation.sql} WHERE {whole})"


def _side(run: Run, side: str) -> RatedSide:
    """Users, or items."""
    counts = _COUNTS.format(side=side)
    ((num, few, least, median, most),) = run(
        f"SELECT count(*), count(*) FILTER (n < {FEW}), min(n), median(n), max(n) FROM {counts}"
    )
    doublings = run(f"SELECT floor(log2(n))::INTEGER AS power, count(*) FROM {counts} GROUP BY power ORDER BY power")
    shown = run(f"SELECT name, n, mean FROM {counts} ORDER BY n DESC, name LIMIT {MAX_SHOWN}")
    return RatedSide(
        num=num,
        num_few=few,
        least=least or 0,
        median=median or 0,
        most=most or 0,
        doublings=dict(doublings),
        frequent=[RatedValue(value=str(name), count=count, mean=mean) for name, count, mean in shown],
    )
