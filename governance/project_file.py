"""``project.yaml`` as classes: what is watched, and how. Every error names file, line, field and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from governance.errors import NotFound, ProjectFileError
from governance.vocabulary import (
    DriftModel,
    EmptyPolicy,
    Handling,
    OnFailure,
    Policy,
    PredictionType,
    RunCondition,
    SamplingMethod,
    ScenarioOutcome,
    SplitMethod,
    StepKind,
)

FILE_NAME = "project.yaml"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=80)]
"""A name that is also used in paths, addresses and commands."""


Declared = TypeVar("Declared")


class Section(BaseModel):
    """A part of the file: unknown fields are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSource(Section):
    """One file, or a series of files that differ where the path has its ``*``."""

    path: str = Field(min_length=1, description="Relative to the project's folder; one * makes it a series of files.")
    format: Literal["csv", "parquet"] | None = Field(default=None, description="Default: by the ending of the file.")
    separator: str = Field(default=",", min_length=1, max_length=1, description="Between the columns of a CSV file.")


class Features(Section):
    """Which columns the model sees, and as what."""

    include: list[str] | None = Field(
        default=None, description="Only these; default: every column that is not excluded."
    )
    exclude: list[str] = Field(default=[], description="Never these: identifiers, and what is known only afterwards.")
    handling: dict[str, Handling] = Field(default={}, description="Forces the handling of a column; default: inferred.")
    on_unseen_category: OnFailure = Field(
        default=OnFailure.WARN, description="A category that training never saw: warn, or refuse the data."
    )


class Split(Section):
    """How training data are divided."""

    method: SplitMethod = SplitMethod.RANDOM
    test_share: float = Field(default=0.2, ge=0.05, le=0.5, description="Share of the rows that is measured on.")
    seed: int = Field(default=1337, ge=0)


class ModelSettings(Section):
    """One saved model."""

    target: str
    prediction_type: PredictionType
    positive_class: str | None = Field(default=None, description="Binary only; default: the greater of the two.")
    time_column: str | None = Field(default=None, description="When a row happened; never a feature unless included.")
    train_on: str = Field(default="training", description="Data source of the training data.")
    features: Features = Features()
    estimator: str = Field(default="default", description="Import path of a scikit-learn estimator, or 'default'.")
    parameters: dict[str, Any] = Field(default={}, description="Keyword arguments of the estimator.")
    split: Split = Split()
    refit_on_full: bool = Field(default=False, description="After measuring, fit again on all rows.")
    threshold: float | Literal["max_f1"] = Field(
        default=0.5, description="Binary only: probability from which a row is positive."
    )
    reference_rows: int = Field(default=50_000, ge=100, description="Rows of the test part kept as reference, at most.")
    metric: str | None = Field(default=None, description="Metric to focus on; default: roc_auc, or r2 for regression.")

    @property
    def metric_to_focus(self) -> str:
        """The metric people look at first."""
        return self.metric or ("r2" if self.prediction_type is PredictionType.REGRESSION else "roc_auc")


class Sampling(Section):
    """Which rows of an evaluation dataset are judged. Seeded: the same input gives the same sample."""

    method: SamplingMethod = SamplingMethod.RANDOM
    rows: int = Field(default=10_000, ge=1, description="For head and random: how many.")
    seed: int = Field(default=1337, ge=0)


class Drift(Section):
    """How input drift is measured."""

    model: DriftModel = DriftModel.GRADIENT_BOOSTING
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="Of the interval around data_drift.")
    handling: dict[str, Handling] = Field(default={}, description="Forces the handling of a column in drift only.")


class NumericRange(Section):
    """A metric between bounds. A bound itself is OK."""

    name: str = Field(min_length=1)
    type: Literal["numeric_range"] = "numeric_range"
    metric: str = Field(min_length=1)
    minimum: float | None = None
    soft_minimum: float | None = None
    soft_maximum: float | None = None
    maximum: float | None = None
    empty: EmptyPolicy = Field(
        default=EmptyPolicy.WARNING, description="What it does to the step when the metric has no value."
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        bounds = [b for b in (self.minimum, self.soft_minimum, self.soft_maximum, self.maximum) if b is not None]
        if not bounds:
            raise ValueError("no bound is given: set at least one of minimum, soft_minimum, soft_maximum, maximum")
        if bounds != sorted(bounds):
            raise ValueError("the bounds are out of order: minimum <= soft_minimum <= soft_maximum <= maximum")
        return self


class Store(Section):
    """A model evaluation store."""

    model: Key
    data: str = Field(default="current", description="Data source that is judged when none is named.")
    performance: bool = Field(default=True, description="false: do not compute performance metrics; no labels needed.")
    sampling: Sampling = Sampling()
    drift: Drift = Drift()
    on_drift_failure: OnFailure = OnFailure.FAIL
    on_performance_failure: OnFailure = OnFailure.FAIL
    labels: dict[str, str] = Field(default={}, description="Put on every evaluation, e.g. team: fraud.")
    checks: list[NumericRange] = []


class OutcomeIs(Section):
    """Run the step when the outcome so far is one of these."""

    outcome_is: list[ScenarioOutcome] = Field(min_length=1)


class Step(Section):
    """What every step has."""

    name: str = Field(min_length=1)
    run_if: RunCondition | OutcomeIs = Field(default=RunCondition.NO_PRIOR_FAILED)
    reset_failure: bool = Field(default=False, description="When this step ends well, what failed before is forgotten.")
    retries: int = Field(default=0, ge=0, le=100)
    retry_delay_seconds: float = Field(default=10, ge=0)
    on_failure: OnFailure = OnFailure.FAIL

    @model_validator(mode="after")
    def _outcomes_named(self) -> Self:
        if self.run_if is RunCondition.OUTCOME_IS:
            raise ValueError("outcome_is needs its outcomes: write run_if: {outcome_is: [FAILED]}")
        return self


class BuildEvaluation(Step):
    """Judge data with a model version and add the verdict to a store."""

    kind: Literal[StepKind.BUILD_EVALUATION]
    store: Key
    data: str | None = Field(
        default=None, description="source, source:part, source:latest or a path; default: the store's, latest part."
    )
    version: str = "active"


class RunChecks(Step):
    """Run the checks of a store on its latest evaluation."""

    kind: Literal[StepKind.RUN_CHECKS]
    store: Key


class Train(Step):
    """Make a new version."""

    kind: Literal[StepKind.TRAIN]
    model: Key
    data: str | None = Field(default=None, description="Default: the model's train_on.")


class Activate(Step):
    """Ask the gate to make a version active."""

    kind: Literal[StepKind.ACTIVATE]
    model: Key
    version: str = "latest"
    environment: Key | None = Field(default=None, description="Default: the monitored environment.")


class RequestSignOff(Step):
    """Ask the reviewers for feedback on a version."""

    kind: Literal[StepKind.REQUEST_SIGN_OFF]
    model: Key
    version: str = "latest"
    notify: list[str] = Field(default=[], description="Whom to tell; possibly nobody.")


AnyStep = Annotated[BuildEvaluation | RunChecks | Train | Activate | RequestSignOff, Field(discriminator="kind")]


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone: use one like Europe/London or UTC")
    return name


class Schedule(Section):
    """When a scenario runs by itself."""

    cron: str = Field(min_length=9, description="Five fields: minute, hour, day, month, weekday.")
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "UTC"


class Scenario(Section):
    """An ordered list of steps."""

    name: str = Field(min_length=1, description="As people read it.")
    schedule: Schedule | None = None
    steps: list[AnyStep] = Field(min_length=1)


class People(Section):
    """Who may do what to a sign-off. Assigned once, on the project."""

    writers: list[str] = Field(default=[], description="Request, abandon, reset.")
    reviewers: dict[Key, list[str]] = Field(default={}, description="Feedback group: its members.")
    final_approvers: list[str] = Field(default=[], description="Approve, reject, abandon.")
    separation_of_duties: bool = Field(default=False, description="Who trained or requested may not approve.")


class EnvironmentSettings(Section):
    """Where a version can be active."""

    policy: Policy = Policy.PREVENT


class Project(Section):
    """A whole ``project.yaml``."""

    project: Key
    description: str = ""
    data: dict[Key, DataSource] = Field(min_length=1)
    models: dict[Key, ModelSettings] = Field(min_length=1)
    stores: dict[Key, Store] = {}
    scenarios: dict[Key, Scenario] = {}
    people: People = People()
    environments: dict[Key, EnvironmentSettings] = Field(default={"prod": EnvironmentSettings()}, min_length=1)
    monitored_environment: Key = Field(default="prod", description="Where evaluations look for the active version.")

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Folder of the file; the paths inside are relative to it."""
        return self._folder

    def model(self, name: str | None = None) -> tuple[Key, ModelSettings]:
        """The model of that name, or the only one. Raises :class:`NotFound` with the known names."""
        return _pick("model", self.models, name)

    def store(self, name: str) -> Store:
        """The store of that name. Raises :class:`NotFound` with the known names."""
        return _pick("store", self.stores, name)[1]

    def scenario(self, name: str | None = None) -> tuple[Key, Scenario]:
        """The scenario of that name, or the only one. Raises :class:`NotFound` with the known names."""
        return _pick("scenario", self.scenarios, name)


def _pick(kind: str, known: Mapping[str, Declared], name: str | None) -> tuple[str, Declared]:
    if name is None and len(known) == 1:
        return next(iter(known.items()))
    if name is None or name not in known:
        raise NotFound(kind, name or "", sorted(known), "name one of them")
    return name, known[name]


Location = tuple[str | int, ...]
Lines = dict[Location, int]


def load_project(path: str | Path) -> Project:
    """Read a project, from its file or its folder.

    Raises:
        ProjectFileError: with file, line, field and remedy of the first problem.
    """
    file = find_file(path)
    project, problems = examine(file)
    if problems or project is None:
        raise problems[0]
    return project


def find_file(path: str | Path) -> Path:
    """The ``project.yaml`` that a path to a file or to its folder means."""
    file = Path(path)
    file = file / FILE_NAME if file.is_dir() else file
    if not file.is_file():
        raise ProjectFileError(
            file,
            None,
            "",
            "there is no such file",
            "name a folder with a project.yaml, or make one with 'driftgate init'",
        )
    return file.resolve()


def examine(file: Path) -> tuple[Project | None, list[ProjectFileError]]:
    """The project, if the file can be read as one, and everything that is wrong with it, by line."""
    try:
        document, lines = _read_with_lines(file)
    except ProjectFileError as problem:
        return None, [problem]
    try:
        project = Project.model_validate(document)
    except ValidationError as invalid:
        return None, sorted(_explain(file, lines, invalid), key=lambda p: p.line or 0)
    project._folder = file.parent
    found = (
        ProjectFileError(file, lines.get(where), _dotted(where), problem, remedy)
        for where, problem, remedy in _dangling_names(project)
    )
    return project, sorted(found, key=lambda p: p.line or 0)


def _read_with_lines(file: Path) -> tuple[object, Lines]:
    """The document, and the line on which every field of it begins."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ProjectFileError(file, None, "", f"byte {error.start} is not UTF-8", "save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else None
        raise ProjectFileError(file, line, "", f"it is not YAML: {problem}", "mend the line") from error
    if not isinstance(root, yaml.MappingNode):
        raise ProjectFileError(file, 1, "", "it is not a list of fields", "begin with project: NAME")
    lines: Lines = {}
    _note_lines(file, root, (), lines)
    return yaml.SafeLoader("").construct_document(root), lines


def _note_lines(file: Path, node: yaml.Node, where: Location, lines: Lines) -> None:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note_lines(file, item, (*where, position), lines)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*where, str(key.value))
            line = key.start_mark.line + 1
            if place in lines:
                raise ProjectFileError(
                    file, line, _dotted(place), f"it is given twice, first on line {lines[place]}", "remove one of them"
                )
            lines[place] = line
            _note_lines(file, value, place, lines)


def _explain(file: Path, lines: Lines, invalid: ValidationError) -> Iterator[ProjectFileError]:
    for error in invalid.errors(include_url=False):
        where = tuple(part for part in error["loc"] if part not in set(StepKind) | {"OutcomeIs", "RunCondition"})
        line = next((lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in lines), None)
        problem, remedy = _in_words(error["type"], error["msg"], where, error.get("ctx", {}))
        yield ProjectFileError(file, line, _dotted(where), problem, remedy)


def _in_words(kind: str, message: str, where: Location, context: Mapping[str, Any]) -> tuple[str, str]:
    match kind:
        case "missing":
            return "it is missing", "add it"
        case "extra_forbidden":
            known = sorted(_fields_at(where[:-1]))
            near = get_close_matches(str(where[-1]), known, n=1)
            return "there is no such field", f"write {near[0]!r}" if near else f"use one of {', '.join(known)}"
        case "enum" | "literal_error" | "union_tag_invalid":
            expected = context.get("expected") or context.get("expected_tags")
            return "the value is none of those there are", f"use one of {expected}"
        case "union_tag_not_found":
            return "the step has no kind", f"add kind: one of {', '.join(StepKind)}"
        case "value_error":
            problem, _, remedy = message.removeprefix("Value error, ").partition(": ")
            return problem, remedy
        case "string_pattern_mismatch":
            return "it is not a name", "use lower-case letters, digits, - and _, beginning with a letter"
    return message[:1].lower() + message[1:], "correct it"


def _fields_at(where: Location) -> set[str]:
    """The fields there are in the part of the file at ``where``."""
    sections: dict[str, type[Section]] = {
        "data": DataSource, "models": ModelSettings, "stores": Store, "scenarios": Scenario, "environments": EnvironmentSettings,
    }  # fmt: skip
    inner: dict[str, type[Section]] = {
        "features": Features, "split": Split, "sampling": Sampling, "drift": Drift, "checks": NumericRange, "schedule": Schedule,
    }  # fmt: skip
    names = [part for part in where if isinstance(part, str)]
    if not names:
        return set(Project.model_fields)
    if names[0] == "people":
        return set(People.model_fields)
    if names[-1] == "steps":
        return set[str]().union(
            *(k.model_fields for k in (BuildEvaluation, RunChecks, Train, Activate, RequestSignOff))
        )
    return set(inner.get(names[-1], sections.get(names[0], Project)).model_fields)


def _dangling_names(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Every name in the file that nothing in the file answers to."""

    def dangling(
        where: Location, kind: str, name: str | None, known: Mapping[str, object]
    ) -> Iterator[tuple[Location, str, str]]:
        if name is not None and name not in known:
            yield (
                where,
                f"there is no {kind} {name!r}",
                f"use one of {', '.join(sorted(known)) or '(none is declared)'}",
            )

    for name, model in project.models.items():
        yield from dangling(("models", name, "train_on"), "data source", model.train_on, project.data)
    for name, store in project.stores.items():
        yield from dangling(("stores", name, "model"), "model", store.model, project.models)
        yield from dangling(("stores", name, "data"), "data source", store.data, project.data)
    for name, scenario in project.scenarios.items():
        for position, step in enumerate(scenario.steps):
            where = ("scenarios", name, "steps", position)
            if isinstance(step, BuildEvaluation | RunChecks):
                yield from dangling((*where, "store"), "store", step.store, project.stores)
            else:
                yield from dangling((*where, "model"), "model", step.model, project.models)
            if isinstance(step, Activate):
                yield from dangling((*where, "environment"), "environment", step.environment, project.environments)
            if [s.name for s in scenario.steps].index(step.name) != position:
                yield (*where, "name"), f"two steps are called {step.name!r}", "give each its own name"
    yield from dangling(("monitored_environment",), "environment", project.monitored_environment, project.environments)


def _dotted(where: Location) -> str:
    return ".".join(str(part) for part in where)
