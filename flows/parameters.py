"""The parameters that flows share, described for the forms of the Prefect UI, and the names of runs made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from prefect.runtime import flow_run
from pydantic import Field


def described(title: str, description: str, *examples: str, **rules: Any) -> Any:
    """A field of the form: what it is called, what it means, and what it must be, in the words of JSON schema.

    Prefect drops the title and the description of a ``Field``, but not what is added to its JSON schema. The rules
    are for the form only: inside, the task that looks a name up refuses a wrong one in a sentence with a remedy.
    """
    about = {"title": title, "description": description, "examples": [*examples]}
    return Field(json_schema_extra=about | rules)


ProjectFolder = Annotated[
    str, described("Project", "Folder or file of the project.yaml.", "deployments/projects/credit_card_fraud")
]
StoreName = Annotated[str, described("Store", "Model evaluation store, as project.yaml names it.", minLength=1)]
ScenarioName = Annotated[str | None, described("Scenario", "As project.yaml names it; empty: the only one there is.")]
ModelName = Annotated[str | None, described("Model", "As project.yaml names it; empty: the only one there is.")]
DataName = Annotated[
    str | None,
    described(
        "Data",
        "A data source, source:part, source:latest, or the path of a file; empty: what project.yaml says.",
        "monthly:06",
        "monthly:latest",
    ),
]
VersionName = Annotated[
    str,
    described(
        "Version", "A number, 'latest', or 'active' in the monitored environment.", pattern=r"^(\d+|latest|active)$"
    ),
]
EnvironmentName = Annotated[
    str | None, described("Environment", "As project.yaml names it; empty: the monitored environment.")
]
Threshold = Annotated[
    float | None,
    described(
        "Threshold",
        "Binary only: probability from which a row is positive; empty: the version's.",
        minimum=0,
        maximum=1,
    ),
]
Labels = Annotated[dict[str, str] | None, described("Labels", "Key/value pairs, besides those of the store.")]
DisplayName = Annotated[
    str | None, described("Display name", "How people call the evaluation; empty: date and time.", maxLength=200)
]
EvaluationId = Annotated[
    str | None, described("Id", "Of the evaluation; one of this store is overwritten. Empty: a new one.", maxLength=64)
]
OutputFile = str | None
ActorName = Annotated[str | None, described("Acting person", "Whose act this is; empty: the user of the process.")]


def named(template: str) -> Callable[[], str]:
    """A name for each run: the template filled with its parameters; the project by its folder, what is not given left out."""

    def name() -> str:
        given = {key: "" if value is None else value for key, value in flow_run.parameters.items()}
        project = Path(given["project"]).resolve()
        given["project"] = project.parent.name if project.is_file() else project.name
        return " ".join(template.format(**given).split())

    return name
