"""The parameters that flows share, described for the forms of the Prefect UI, and the names of runs made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from prefect.runtime import flow_run
from pydantic import Field

ProjectFolder = Annotated[
    str,
    Field(
        title="Project", description="Folder of the project.yaml.", examples=["deployments/projects/credit_card_fraud"]
    ),
]
StoreName = Annotated[
    str, Field(title="Store", description="Model evaluation store, as project.yaml names it.", min_length=1)
]
ScenarioName = Annotated[
    str | None, Field(title="Scenario", description="As project.yaml names it; empty: the only one there is.")
]
ModelName = Annotated[
    str | None, Field(title="Model", description="As project.yaml names it; empty: the only one there is.")
]
DataName = Annotated[
    str | None,
    Field(
        title="Data",
        description="A data source, source:part, source:latest, or the path of a file; empty: what project.yaml says.",
        examples=["monthly:06", "monthly:latest", "data/transactions_prepared_2017_06.csv"],
    ),
]
VersionName = Annotated[
    str,
    Field(
        title="Version",
        description="A number, 'latest', or 'active' in the monitored environment.",
        pattern=r"^(\d+|latest|active)$",
    ),
]
EnvironmentName = Annotated[
    str | None, Field(title="Environment", description="As project.yaml names it; empty: the monitored environment.")
]
ActorName = Annotated[
    str | None, Field(title="Acting person", description="Whose act this is; empty: the user of the process.")
]


def named(template: str) -> Callable[[], str]:
    """A name for each run: the template filled with its parameters; the project by its folder, what is not given left out."""

    def name() -> str:
        given = {key: "" if value is None else value for key, value in flow_run.parameters.items()}
        given["project"] = Path(given["project"]).resolve().name
        return " ".join(template.format(**given).split())

    return name
