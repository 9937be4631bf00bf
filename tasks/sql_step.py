"""Execute one statement in a database that is not ours."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance.errors import NotFound, UnusableValue
from tasks.data.queries import Query, open_engine, said_no, stoppable
from tasks.scenarios.results import as_result

if TYPE_CHECKING:
    from sqlalchemy import CursorResult, TextClause

MOST_ROWS: Final = 100
"""Rows of the answer that become part of the result."""

_REFUSES_SEVERAL: Final = frozenset({"sqlite"})
"""Databases whose driver takes one statement only; it knows better than we where that ends, as in a trigger."""

_ESCAPES_WITH_BACKSLASH: Final = frozenset({"mysql", "mariadb", "bigquery", "databricks", "snowflake"})
"""Databases in whose texts a backslash takes the quote after it for a letter. Elsewhere it is a letter itself."""

_TEXTS: Final = r"""(?<!\w)[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" """
_TEXTS_WITH_BACKSLASH: Final = r"""'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" """
_NAMES_AND_COMMENTS: Final = r"""`[^`]*` | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$"""

_PASSED_OVER: Final = {
    backslash: re.compile(f"{texts} | {_NAMES_AND_COMMENTS}", re.DOTALL | re.VERBOSE)
    for backslash, texts in ((False, _TEXTS), (True, _TEXTS_WITH_BACKSLASH))
}
"""Texts, names and comments: what is in them ends no statement. By whether a backslash escapes."""


@task(task_run_name="Execute statement", cache_policy=NO_CACHE)
def execute_statement(name: str, statement: str, parameters: Mapping[str, Any], url_variable: str) -> dict[str, Any]:
    """Execute one statement in one transaction, with bound parameters; a list is bound as the values of an ``IN``.

    Args:
        name: Of the step; what errors call the statement.
        statement: Values as ``:name``.
        parameters: Values of all those names, and of no others.
        url_variable: Environment variable with the SQLAlchemy URL, which is neither told nor logged.

    Returns:
        ``message``, ``rows_affected`` (``None`` where the database does not say); of a statement that answers with
        rows ``columns``, the first 100 ``rows`` by column, ``all_rows`` whether those are all, and ``value`` where it
        is a single one.

    Raises:
        NotFound: the variable is not set.
        UnusableValue: there are several statements, a parameter is missing or of no use, or a value can't be kept.
        UnreadableFile: the database can't be reached, or says no; nothing was changed.
    """
    address = os.environ.get(url_variable)
    if not address:
        remedy = "set it to the SQLAlchemy URL of the database where the scenario runs"
        raise NotFound("environment variable", url_variable, (), remedy)
    query = Query(name, statement, address)
    engine = open_engine(query)
    if engine.dialect.name not in _REFUSES_SEVERAL:
        require_one_statement(statement, backslash=engine.dialect.name in _ESCAPES_WITH_BACKSLASH)
    try:
        with stoppable(engine), engine.begin() as connection:
            return _answer(connection.execute(_with_parameters(statement, parameters), dict(parameters)), name)
    except (NotFound, UnusableValue):
        raise
    except Exception as error:  # drivers raise what they like, and any of it may quote the address
        raise said_no(query, engine.url, error) from None
    finally:
        engine.dispose()


def require_one_statement(statement: str, *, backslash: bool = False) -> None:
    """Refuse more than one statement, or none.

    Args:
        statement: As it is written in ``project.yaml``.
        backslash: Whether the database reads the character after a backslash in a text as a letter.

    Raises:
        UnusableValue: it is not one.

    Example:
        >>> require_one_statement("DELETE FROM parts WHERE name = 'a;b'; -- that is all")
        >>> require_one_statement("DELETE FROM parts; DELETE FROM orders")
        Traceback (most recent call last):
            ...
        governance.errors.UnusableValue: statement: there are 2 statements; write a step for each.
    """
    several = [part for part in _PASSED_OVER[backslash].sub(_kept, statement).split(";") if part.strip()]
    if len(several) != 1:
        remedy = "write a step for each" if several else "write one"
        raise UnusableValue("statement", f"there are {len(several) or 'no'} statements", remedy)


def _kept(passed_over: re.Match[str]) -> str:
    """A comment is nothing, a text or a name is something."""
    return " " if passed_over[0].startswith(("--", "/*")) else "x"


def _with_parameters(statement: str, parameters: Mapping[str, Any]) -> TextClause:
    from sqlalchemy import bindparam, text

    clause = text(statement.strip().rstrip(";"))
    wanted = set(clause.compile().params)
    for key in sorted(wanted - set(parameters)):
        raise UnusableValue(
            f"parameter {key!r}", "it has no value", "give it under parameters, or write \\: for a colon"
        )
    for key in sorted(set(parameters) - wanted):
        raise UnusableValue(f"parameter {key!r}", f"the statement has no :{key}", "remove it, or use it there")
    lists = [key for key, value in parameters.items() if isinstance(value, list | tuple)]
    return clause.bindparams(*(bindparam(key, expanding=True) for key in lists))


def _answer(result: CursorResult[Any], name: str) -> dict[str, Any]:
    if not result.returns_rows:
        affected = result.rowcount if result.rowcount >= 0 else None
        message = "done" if affected is None else f"{affected:,} {'row' if affected == 1 else 'rows'} affected"
        return {"message": message, "rows_affected": affected}
    columns = [str(key) for key in result.keys()]  # noqa: SIM118  a result is no mapping
    found = [tuple(row) for row in result.fetchmany(MOST_ROWS + 1)]
    all_rows, rows = len(found) <= MOST_ROWS, found[:MOST_ROWS]
    message = f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'}{'' if all_rows else ', and there are more'}"
    answered: dict[str, Any] = {
        "message": message,
        "rows_affected": None,
        "columns": columns,
        "rows": [dict(zip(columns, row, strict=True)) for row in rows],
        "all_rows": all_rows,
    }
    if len(rows) == len(columns) == 1:
        answered["value"] = rows[0][0]
    return as_result(answered, name)
