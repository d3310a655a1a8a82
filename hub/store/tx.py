"""Named queries, and the transaction that runs them.

A file in `queries/` holds the queries of one room. Each begins with `-- name: insert`, then one
comment on what it answers, then one statement with `:params`; elsewhere it is called `file.insert`.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar

Row = sqlite3.Row
"""A row of an answer: `row["column"]`, `row.keys()`; `dict(row)` where a dict is needed."""

T = TypeVar("T")

KEPT_MAX: Final = 20_000  # shops and logs; a shop is a few hundred bytes
_PARAM: Final = re.compile(r":([a-z_][a-z0-9_]*)")
_HEADING: Final = re.compile(r"^-- name: *([a-z][a-z0-9_]*) *$", re.MULTILINE)


class Memory:
    """What the writer need not read again: the shops, where the agents' logs go on, and the like.

    It is emptied by another process's commit, by a `tenants.` query that changes something, by a
    log's new epoch and by whatever is undone.
    """

    def __init__(self) -> None:
        self._version: int | None = None
        self._kept: dict[Any, Any] = {}

    def recall(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction: what another process changed since is forgotten."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.forget()

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """What is kept under `key`, made now if nothing is."""
        if key not in self._kept:
            if len(self._kept) >= KEPT_MAX:
                self.forget()
            self._kept[key] = make()
        found: T = self._kept[key]
        return found


class Tx:
    """What an operation may do inside its transaction; valid only while the operation runs."""

    __slots__ = ("_connection", "_queries", "memory")

    def __init__(
        self,
        connection: sqlite3.Connection,
        queries: Mapping[str, str],
        memory: Memory | None = None,
    ) -> None:
        self._connection = connection
        self._queries = queries
        self.memory = memory or Memory()

    def stand_for(self, other: "Tx") -> None:
        """Become another transaction, for whoever holds this one from step to step."""
        self._connection, self._queries = other._connection, other._queries
        self.memory = other.memory

    def one(self, query: str, /, **params: Any) -> Row | None:
        """The first row of the answer."""
        sql, values = self._bound(query)
        row: Row | None = self._connection.execute(sql, values(params)).fetchone()
        return row

    def all(self, query: str, /, **params: Any) -> list[Row]:
        """Every row of the answer."""
        sql, values = self._bound(query)
        return self._connection.execute(sql, values(params)).fetchall()

    def run(self, query: str, /, **params: Any) -> int:
        """Change something; how many rows were touched."""
        if query.startswith("tenants."):
            self.memory.forget()
        sql, values = self._bound(query)
        return self._connection.execute(sql, values(params)).rowcount

    def many(self, query: str, params: Iterable[Mapping[str, Any]], /) -> int:
        """Change something once per set of parameters; how many rows were touched in all."""
        sql, values = self._bound(query)
        return self._connection.executemany(sql, map(values, params)).rowcount

    def _bound(self, query: str) -> "_Bound":
        try:
            return _by_place(self._queries[query])
        except KeyError:
            raise LookupError(f"no query is named {query!r}") from None


_Values = Callable[[Mapping[str, Any]], tuple[Any, ...]]
_Bound = tuple[str, _Values]


@cache
def _by_place(sql: str) -> _Bound:
    """A statement whose `:names` became places, and what puts values there.

    The module sqlite3 takes a third of a microsecond to find each name anew at each execution: a
    message has twenty.
    """
    names = list(dict.fromkeys(_PARAM.findall(sql)))
    places = _PARAM.sub(lambda found: f"?{names.index(found[1]) + 1}", sql)
    if len(names) > 1:
        return places, itemgetter(*names)
    return places, lambda params: tuple(params[name] for name in names)


@cache
def load_queries() -> Mapping[str, str]:
    """Every query of the house by its full name, read once."""
    found: dict[str, str] = {}
    for file in sorted(files("hub.store").joinpath("queries").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            found |= parse_queries(file.name.removesuffix(".sql"), file.read_text("utf-8"))
    return MappingProxyType(found)


def parse_queries(room: str, text: str) -> dict[str, str]:
    """The queries of one file.

    Raises:
        ValueError: a name stands twice, has no statement or more than one, or text stands before
            the first name.
    """
    preamble, *parts = _HEADING.split(text)
    if any(line.strip() and not line.startswith("--") for line in preamble.splitlines()):
        raise ValueError(f"{room}.sql: a statement stands before the first name")
    found: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        sql = "\n".join(line for line in body.splitlines() if not line.lstrip().startswith("--"))
        sql = sql.strip().removesuffix(";").rstrip()
        if not sql or f"{room}.{name}" in found:
            raise ValueError(f"{room}.sql: {name} is empty or stands twice")
        found[f"{room}.{name}"] = sql
    return found
