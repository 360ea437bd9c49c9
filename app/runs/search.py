"""A filter as SQL. Each term becomes a set of run ids that an index gives, or a question asked of each run.

Which of the two is quicker depends on how many runs a term holds for, so that is looked up first, as far as it
matters: a set that is small is made once, a large one is asked about run by run, until the page is full.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, false, func, literal, not_, or_, select, true
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session, aliased

from app.db.engine import now
from app.db.tables import Dataset, Job, Model, Run, RunGroup, RunSetting, RunTag, Series
from app.runs.filter import And, Compare, FilterError, Node, Not, Or, Word, terms

SMALL = 2_000  # a set of at most so many ids is made once, where a page is looked for: others fill it in no time
SMALL_TO_COUNT = 50_000  # where all that match are counted
STATUSES = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
STATES = ("favorite", "archived", "trained", "reported", "imported")
_ORIGINS = {"trained": "worker", "reported": "client", "imported": "tensorboard"}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SUFFIXES = {"last": Series.last, "min": Series.min, "max": Series.max}
PARTS = ("validation", "train", "test")  # where a result is looked for that is named without its part

Condition = ColumnElement[bool]
Ids = Select[str]


def condition(session: Session, node: Node, text: str, *, small: int = SMALL) -> Condition:
    """Whether a run matches. Archived runs do so only where the filter speaks of them. Raises FilterError."""
    found = _Compiler(session, text, small).compile(node)
    speaks = any(term.key == "is" and "archived" in term.values for term in terms(node))
    if speaks:
        return found
    put_away = aliased(Run)  # as a set, which the index of the archive gives: no row has to be read for it
    return and_(Run.id.not_in(select(put_away.id).where(put_away.archived_at.is_not(None))), found)


class _Compiler:
    """Turns a tree into SQL, a method for each kind of term."""

    def __init__(self, session: Session, text: str, small: int) -> None:
        self.session, self.text, self.small = session, text, small

    def compile(self, node: Node) -> Condition:
        match node:
            case And(items):
                return and_(true(), *map(self.compile, items))
            case Or(items):
                return or_(false(), *map(self.compile, items))
            case Not(item):
                return not_(self.compile(item))
            case Word():
                return self.word(node)
            case Compare():
                return self.term(node)

    def word(self, node: Word) -> Condition:
        holds = _like(self.session, node.text)
        # Names are as many as runs, but lie in an index; of tags and projects there are few, and those are looked up.
        named = select(Run.id).where(holds(Run.name))
        tags = [tag for tag in self._tags if node.text.lower() in tag.lower()]
        projects = [one for one in self._projects if node.text.lower() in one.lower()]
        found = [Run.id.in_(named) if self._is_small(named) else holds(Run.name)]
        if tags:
            tagged = RunTag.tag.in_(tags)
            found.append(self._within(Run.id, select(RunTag.run_id), RunTag, RunTag.run_id, tagged))
        if projects:
            found.append(Run.project.in_(projects))
        return or_(*found)

    @cached_property
    def _tags(self) -> list[str]:
        return distinct(self.session, RunTag.tag)

    @cached_property
    def _projects(self) -> list[str]:
        return distinct(self.session, Run.project)

    def term(self, node: Compare) -> Condition:
        if (handler := _OWN.get(node.key)) is not None:
            return handler(self, node)
        if node.key in TEXTS:
            return self.texts(TEXTS[node.key], node)
        if "/" not in node.key and self._is_setting(node.key):
            return self.setting(node)
        if (result := result_named(self.session, node.key)) is not None:
            return self.result(node, *result)
        near = self._near(node.key)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise self.error(node, f"no run has a setting or a result {node.key!r}{meant}")

    def _near(self, key: str) -> list[str]:
        """What there is under a name that ends in this one, or is spelled almost so: lr for optimizer.lr."""
        known = [*KEYS, *distinct(self.session, RunSetting.key), *distinct(self.session, Series.name)]
        ends = [one for one in known if re.split(r"[./]", one)[-1].lower() == key.lower()]
        return (ends or get_close_matches(key, known))[:3]

    # terms of their own

    def _of_status(self, node: Compare) -> Condition:
        for value in node.values:
            if value not in STATUSES:
                raise self.error(node, f"a status is one of {', '.join(STATUSES)}, not {value!r}")
        found = self._within(Run.job_id, select(Job.id), Job, Job.id, Job.status.in_(node.values))
        return self._denied(node, found)

    def _of_is(self, node: Compare) -> Condition:
        return self._denied(node, or_(*(self._state(node, value) for value in node.values)))

    def _state(self, node: Compare, value: str) -> Condition:
        if value in _ORIGINS:
            return Run.origin == _ORIGINS[value]
        if value in STATUSES:
            return self._of_status(Compare("status", ":", (value,), node.at))
        if value == "favorite":
            return Run.is_favorite.is_(True)
        if value == "archived":
            return Run.archived_at.is_not(None)
        raise self.error(node, f"a run is one of {', '.join(STATES)}, not {value!r}")

    def _of_tag(self, node: Compare) -> Condition:
        matches = self._matches(RunTag.tag, node)
        return self._denied(node, self._within(Run.id, select(RunTag.run_id), RunTag, RunTag.run_id, matches))

    def _of_dataset(self, node: Compare) -> Condition:
        found = select(Dataset.id).where(or_(self._matches(Dataset.name, node), Dataset.id.in_(node.values)))
        return self._denied(node, Run.dataset_id.in_(found))

    def _of_model(self, node: Compare) -> Condition:
        """As lists call it: a kept model by its name or id, one that a run wrote itself by its own name."""
        kept = select(Model.id).where(or_(self._matches(Model.name, node), Model.id.in_(node.values)))
        named = and_(RunSetting.key == "model.name", self._matches(RunSetting.text, node))
        own = self._within(Run.id, select(RunSetting.run_id), RunSetting, RunSetting.run_id, named)
        is_kept = Run.model_id.is_not(None)
        found = or_(and_(is_kept, Run.model_id.in_(kept)), and_(Run.model_id.is_(None), own))
        return self._denied(node, found)

    def _of_group(self, node: Compare) -> Condition:
        found = select(RunGroup.id).where(or_(self._matches(RunGroup.name, node), RunGroup.id.in_(node.values)))
        return self._denied(node, and_(Run.group_id.is_not(None), Run.group_id.in_(found)))

    def _of_created(self, node: Compare) -> Condition:
        return self._moment(Run.created_at, node)

    def _of_started(self, node: Compare) -> Condition:
        return Run.job_id.in_(select(Job.id).where(self._moment(Job.started_at, node)))

    def _of_finished(self, node: Compare) -> Condition:
        return Run.job_id.in_(select(Job.id).where(self._moment(Job.finished_at, node)))

    def _of_duration(self, node: Compare) -> Condition:
        took = func.coalesce(Job.finished_at, now()) - Job.started_at
        return self._denied(node, Run.job_id.in_(select(Job.id).where(self._number(took, node, self._seconds))))

    # kinds of terms

    def texts(self, column: ColumnElement[str], node: Compare) -> Condition:
        return self._denied(node, self._matches(column, node))

    def setting(self, node: Compare) -> Condition:
        numbers = [_plain_number(value) for value in node.values]
        if node.operator in ("<", "<=", ">", ">="):
            matches = self._number(RunSetting.number, node, _plain_number)
        elif all(number is not None for number in numbers):
            matches = RunSetting.number.in_(numbers)
        else:
            matches = self._matches(RunSetting.text, node)
        wanted = and_(RunSetting.key == node.key, matches)
        found = self._within(Run.id, select(RunSetting.run_id), RunSetting, RunSetting.run_id, wanted)
        return self._denied(node, found)

    def result(self, node: Compare, names: Sequence[str], column: Any) -> Condition:
        """Of several names, a run has the first that it has at all."""
        alternatives = []
        for i, name in enumerate(names):
            wanted = and_(Series.name == name, self._figure(column, node))
            better = aliased(Series)
            has_better = select(better.id).where(better.job_id == Series.job_id, better.name.in_(names[:i])).exists()
            first = and_(wanted, not_(has_better)) if i else wanted
            ids = select(Series.job_id)
            is_small = self._is_small(ids.where(wanted))  # looked up without the better ones: that alone is quick
            alternatives.append(self._one_of(Run.job_id, ids.where(first), Series, Series.job_id, first, is_small))
        return self._denied(node, or_(*alternatives))

    def _figure(self, column: Any, node: Compare) -> Condition:
        if node.operator in (":", "=", "!="):
            words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
            spelled = [words[value.lower()] for value in node.values if value.lower() in words]
            if len(spelled) == len(node.values):
                return Series.last_word.in_(spelled)
        return self._number(column, node, _plain_number)

    # pieces

    def _is_setting(self, key: str) -> bool:
        return self.session.execute(select(RunSetting.key).where(RunSetting.key == key).limit(1)).first() is not None

    def _within(self, own: Any, ids: Ids, table: Any, theirs: Any, wanted: Condition) -> Condition:
        return self._one_of(own, ids.where(wanted), table, theirs, wanted, self._is_small(ids.where(wanted)))

    def _one_of(self, own: Any, ids: Ids, table: Any, theirs: Any, wanted: Condition, is_small: bool) -> Condition:
        if is_small:
            within: Condition = own.in_(ids)
            return within
        asked: Condition = select(literal(1)).select_from(table).where(theirs == own, wanted).correlate(Run).exists()
        return asked

    def _is_small(self, ids: Ids) -> bool:
        probe = select(literal(1)).select_from(ids.limit(self.small + 1).subquery()).offset(self.small).limit(1)
        return self.session.execute(probe).first() is None

    def _denied(self, node: Compare, found: Condition) -> Condition:
        return not_(found) if node.operator == "!=" else found

    def _matches(self, column: Any, node: Compare) -> Condition:
        """Text that is one of the values; that holds one, with `~`; or that fits one with stars in it."""
        if node.operator not in (":", "=", "!=", "~"):
            raise self.error(node, f"{node.key} is text: compare it with : != or ~")
        if node.operator == "~":
            return or_(*(_like(self.session, value)(column) for value in node.values))
        plain = [value for value in node.values if "*" not in value]
        starred = [value for value in node.values if "*" in value]
        return or_(column.in_(plain), *(column.like(_pattern(value), escape="\\") for value in starred))

    def _number(self, column: Any, node: Compare, read: Callable[[str], float | None]) -> Condition:
        found = [read(value) for value in node.values]
        for value, number in zip(node.values, found, strict=True):
            if number is None:
                raise self.error(node, f"{node.key} is held against a number, not {value!r}")
        if node.operator == "~":
            raise self.error(node, f"{node.key} is a number: compare it with : != < <= > or >=")
        compare: Callable[[Any, Any], Any] = _ORDER.get(node.operator, operator.eq)
        held: list[Condition] = [compare(column, sql_cast(literal(number), Float)) for number in found]
        return or_(*held)

    def _seconds(self, value: str) -> float | None:
        found = re.fullmatch(r"([\d.]+)([smhd]?)", value)
        number = _plain_number(found[1]) if found else None
        return None if number is None or found is None else number * _UNITS_S[found[2] or "s"]

    def _moment(self, column: Any, node: Compare) -> Condition:
        """Held against a day or a moment, or so long ago: created>2026-11-01, created>7d (in the last 7 days)."""
        spans = [self._span(node, value) for value in node.values]
        if any(ago for _, _, ago in spans) and node.operator not in ("<", "<=", ">", ">="):
            raise self.error(
                node, f"{node.key}>{node.values[0]} is in that time, {node.key}<{node.values[0]} before it"
            )
        match node.operator:
            case ">":
                return or_(*(column >= (start if ago else end) for start, end, ago in spans))
            case ">=":
                return or_(*(column >= start for start, _, _ in spans))
            case "<":
                return or_(*(column < start for start, _, _ in spans))
            case "<=":
                return or_(*(column < end for _, end, _ in spans))
            case "~":
                raise self.error(node, f"{node.key} is a time: compare it with : != < <= > or >=")
        return self._denied(node, or_(*(and_(column >= start, column < end) for start, end, _ in spans)))

    def _span(self, node: Compare, value: str) -> tuple[float, float, bool]:
        if (seconds := self._seconds(value)) is not None and value[-1] in _UNITS_S:
            at = datetime.now(UTC).timestamp() - seconds
            return at, at, True
        try:
            start = datetime.fromisoformat(value)
            start = start if start.tzinfo else start.replace(tzinfo=UTC)
            end = start + timedelta(days=1) if len(value) == len("2026-11-01") else start
            return start.timestamp(), end.timestamp(), False
        except (ValueError, OverflowError):  # the latter of days at the end of all time
            message = f"{node.key} is held against a day, as 2026-11-01, or 7d ago, not {value!r}"
            raise self.error(node, message) from None

    def error(self, node: Compare, message: str) -> FilterError:
        return FilterError(message, self.text, node.at)


_OWN: dict[str, Callable[[_Compiler, Compare], Condition]] = {
    "status": _Compiler._of_status,
    "is": _Compiler._of_is,
    "tag": _Compiler._of_tag,
    "dataset": _Compiler._of_dataset,
    "model": _Compiler._of_model,
    "group": _Compiler._of_group,
    "created": _Compiler._of_created,
    "started": _Compiler._of_started,
    "finished": _Compiler._of_finished,
    "duration": _Compiler._of_duration,
}
TEXTS: dict[str, Any] = {
    "name": Run.name,
    "project": Run.project,
    "origin": Run.origin,
    "id": Run.id,
    "notes": Run.notes,
}
KEYS = (*_OWN, *TEXTS)


MAX_DISTINCT = 500


def distinct(session: Session, column: Any, begun: str = "", less: str = "") -> list[str]:
    """The values of an indexed column, each found by one step in the index: quick however many rows share one.

    Those that begin with `less` are passed over in one step.
    """
    query = select(func.min(column))
    found: list[str] = []
    value = session.scalar(query.where(column >= begun) if begun else query)
    while value is not None and len(found) < MAX_DISTINCT and value.startswith(begun):
        is_left_out = bool(less) and value.startswith(less)
        if not is_left_out:
            found.append(value)
        following = session.scalar(query.where(column > (f"{less}\uffff" if is_left_out else value)))
        if is_left_out and (following or "").startswith(less):  # where words are not in the order of their codes
            following = session.scalar(query.where(column > value, ~column.startswith(less, autoescape=True)))
        value = following
    return found


def result_named(session: Session, key: str) -> tuple[list[str], Any] | None:
    """The series that a result's key may mean, the likeliest first, and the figure of it; None where there is none.

    "loss" is validation/loss, else train/loss; "train/loss.min" the least of that series.
    """
    stem, _, suffix = key.rpartition(".")
    name, column = (stem, _SUFFIXES[suffix]) if stem and suffix in _SUFFIXES else (key, Series.last)
    names = [name] if "/" in name else [f"{part}/{name}" for part in PARTS] + [name]
    known = [one for one in names if _has_series(session, one)]
    return (known, column) if known else None


def _has_series(session: Session, name: str) -> bool:
    return session.execute(select(Series.id).where(Series.name == name).limit(1)).first() is not None


def _plain_number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in value else None


def _like(session: Session, text: str) -> Callable[[Any], Condition]:
    """Whether a column holds a text, whatever its case. (SQLite's own LIKE is that already, and can use an index.)"""
    pattern = f"%{_escaped(text)}%"
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return lambda column: column.like(pattern, escape="\\") if is_sqlite else column.ilike(pattern, escape="\\")


def _pattern(text: str) -> str:
    return _escaped(text).replace("*", "%")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
