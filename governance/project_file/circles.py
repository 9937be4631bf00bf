"""Scenarios that would start each other for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from governance.project_file.lines import Location
from governance.project_file.project import Project
from governance.project_file.steps import RunScenario
from governance.project_file.triggers import AfterScenario


def circles(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Every circle of scenarios, once: a run of one leads to a run of the next, as a step of it or because it ended.

    That a condition or an outcome would end the circle one day is not looked at: nobody could see for how long it runs.
    """
    links = list(_links(project))
    following: dict[str, set[str]] = {}
    for _, one, other in links:
        following.setdefault(one, set()).add(other)
    told: set[str] = set()
    for where, one, other in links:
        way = _way(following, other, one)
        if way is not None and not told & {one, *way}:
            told |= {one, *way}
            yield where, f"it would start itself for ever: {' → '.join([one, *way])}", "take one of these links out"


def _links(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Where it is said that a run of one scenario leads to a run of another, in the order of the file."""
    for name, scenario in project.scenarios.items():
        for position, trigger in enumerate(scenario.triggers):
            if isinstance(trigger, AfterScenario):
                yield ("scenarios", name, "triggers", position, "scenario"), trigger.scenario, name
        for position, step in enumerate(scenario.steps):
            if isinstance(step, RunScenario):
                yield ("scenarios", name, "steps", position, "scenario"), name, step.scenario


def _way(following: Mapping[str, set[str]], start: str, end: str) -> list[str] | None:
    """The shortest way from one scenario to another, with both ends.

    Example:
        >>> _way({"a": {"b", "c"}, "b": {"d"}, "c": {"b"}}, "a", "d"), _way({"a": {"b"}}, "b", "a")
        (['a', 'b', 'd'], None)
    """
    ways, seen = [[start]], {start}
    for way in ways:
        if way[-1] == end:
            return way
        for name in sorted(following.get(way[-1], set()) - seen):
            seen.add(name)
            ways.append([*way, name])
    return None
