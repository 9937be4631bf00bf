"""Call a function of the project."""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import PrefectSignal, TerminationSignal
from pydantic import ConfigDict, ValidationError, validate_call

from governance.errors import UnreadableFile, UnusableValue
from governance.project_file import load_project
from tasks.functions import in_words, load_function
from tasks.scenarios.results import as_result

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

STOPS: Final = (KeyboardInterrupt, TerminationSignal, PrefectSignal)
"""What a run is stopped by from outside."""

LONGEST_SHOWN: Final = 60
"""Characters of a wrong value that an error shows."""


@task(task_run_name="Call function", cache_policy=NO_CACHE, log_prints=True)
def call_function(project: str, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call ``file.py:function`` with arguments by name, converted to what its annotations say.

    Returns: what it gives, see :func:`tasks.scenarios.results.as_result`; what it prints is in the log of the run.
    Raises: UnreadableFile without such a function, UnusableValue for an argument or a result that can't be one, and
    whatever the function raises.
    """
    folder = load_project(project).folder
    with _contained():
        called = load_function(function, folder, "the step's function")
        by_position, by_name = bound(called, arguments, function)
        return as_result(called(*by_position, **by_name), function)


@contextmanager
def _contained() -> Iterator[None]:
    """Inside, code of others raises nothing that would end the whole run."""
    try:
        yield
    except (Exception, *STOPS):
        raise
    except SystemExit as left:
        raise RuntimeError(f"the function left with SystemExit({left.code!r})") from left
    except BaseException as left:
        if isinstance(left, CancelledError) and type(left) is not CancelledError:
            raise  # Prefect's own kind, by which it stops what takes too long
        raise RuntimeError(f"the function left with {in_words(left)}") from left


def bound(
    function: Callable[..., Any], arguments: Mapping[str, Any], name: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments as a function is called with them.

    Args:
        function: Whose signature and annotations they have to fit. Without an annotation everything does.
        arguments: By name.
        name: What errors call the function.

    Returns:
        Those by position, and those by name.

    Raises:
        UnusableValue: one is missing, is not taken, or can't be made what its annotation says; names it.
        UnreadableFile: an annotation means nothing.

    Example:
        >>> def clean(rows: int, keep: bool = True) -> None: ...
        >>> bound(clean, {"rows": "30"}, "clean.py:clean")
        ((), {'rows': 30, 'keep': True})
    """
    take = _taking(function, name)
    try:
        given: tuple[tuple[Any, ...], dict[str, Any]] = take(**arguments)
    except ValidationError as refused:
        first = refused.errors(include_url=False)[0]
        argument, *place = first["loc"]
        where = "".join(f"[{part!r}]" for part in place)
        problem, remedy = _in_words(first, inspect.signature(function))
        raise UnusableValue(f"argument {argument!r}{where} of {name}", problem, remedy) from refused
    return given


def _taking(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """What takes arguments just as the function does, converts them, and gives them back."""

    def taken(*by_position: Any, **by_name: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return by_position, by_name

    try:
        # Of the function's own names, since its module is in no list of modules; pydantic would look there.
        taken.__annotations__ = get_type_hints(function, include_extras=True) | {"return": Any}
        taken.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(taken)
    except Exception as error:  # annotations are code of others
        problem = f"its annotations can't be used ({in_words(error)})"
        raise UnreadableFile(name, problem, "mend the signature of the function") from error


def _in_words(error: ErrorDetails, signature: inspect.Signature) -> tuple[str, str]:
    """What is wrong with an argument, and what to do."""
    if error["type"].startswith("missing"):
        return "it is missing", "give it under arguments of the step"
    if error["type"].startswith("unexpected"):
        return "the function does not take it", f"use one of {', '.join(signature.parameters) or '(it takes none)'}"
    shown = repr(error["input"])
    shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, and it is {shown}", "correct it under arguments of the step"
