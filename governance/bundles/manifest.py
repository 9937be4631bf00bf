"""What is in a bundle, and how its manifest says so. What does not fit together is no manifest.

::

    bundle.json                      the manifest; only in the exported file, since the record has it
    configuration/project.yaml       and the Python files that it names
    versions/<model>/<file>          every file of the version that is active: artifact, reference, profile, report
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from governance.artifacts import canonical_json, digest
from governance.project_file import FILE_NAME, Key, means_a_bundle
from governance.tables import Bundle
from governance.vocabulary import Measurement, PredictionType

CONFIGURATION: Final = "configuration"
VERSIONS: Final = "versions"
PROJECT_FILE: Final = f"{CONFIGURATION}/{FILE_NAME}"

_COMPONENT: Final = re.compile(r"[\w+@-](?:[\w+@. -]*[\w+@-])?")
_METRICS: Final = TypeAdapter(list[Measurement])
_DIAGNOSTICS: Final = TypeAdapter(list[dict[Literal["name", "message"], str]])


def problem_of_name(name: str) -> str:
    """Why a path can't be that of a file in a bundle; empty when it can.

    Example:
        >>> problem_of_name("versions/fraud/model.skops"), problem_of_name("configuration/../../.ssh/authorized_keys")
        ('', "'..' is no name of a file or folder")
    """
    if len(name) > 200:
        return "it is longer than 200 characters"
    for part in name.split("/"):
        if _COMPONENT.fullmatch(part) is None:
            return f"{part!r} is no name of a file or folder"
    return ""


def _file_name(name: str) -> str:
    if problem := problem_of_name(name):
        raise ValueError(problem)
    room, *rest = name.split("/")
    if (room, len(rest)) != (VERSIONS, 2) and not (room == CONFIGURATION and rest):
        raise ValueError(f"it is neither {CONFIGURATION}/<file> nor {VERSIONS}/<model>/<file>")
    return name


def _text(text: str) -> str:
    if any(unicodedata.category(letter)[0] == "C" for letter in text):
        raise ValueError("it has characters that can't be shown")
    return text


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, AfterValidator(_file_name)]
Text = Annotated[str, StringConstraints(max_length=300), AfterValidator(_text)]


class PackedVersion(BaseModel):
    """One version, and what its model is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: Key
    number: int = Field(ge=1, description="In the installation that made the bundle.")
    target: Text
    prediction_type: PredictionType
    metric_to_focus: Text
    manifest: dict[str, Any]
    manifest_digest: Digest
    trained_by: Text
    trained_at: AwareDatetime

    @property
    def folder(self) -> str:
        """Of its files, in the folder of the bundle."""
        return f"{VERSIONS}/{self.model}"


class BundleManifest(BaseModel):
    """Everything that a bundle says of itself; its digest is what a sign-off approves."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1]
    project: Key
    environment: Key = Field(description="Where the versions were active.")
    files: dict[FileName, Digest]
    versions: list[PackedVersion] = Field(min_length=1)
    code_revision: Text
    packages: dict[Text, Text]
    made_by: Text
    made_at: AwareDatetime

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if PROJECT_FILE not in self.files:
            raise ValueError(f"there is no {PROJECT_FILE}")
        _require_one_place_each(self.files)
        models = [version.model for version in self.versions]
        if models != sorted(set(models)):
            raise ValueError("the versions are not one of each model, by name")
        for model in filter(means_a_bundle, models):
            raise ValueError(f"no model can be called {model!r}, which is what a bundle is called")
        stray = [
            name
            for name in self.files
            if name.startswith(f"{VERSIONS}/") and PurePosixPath(name).parts[1] not in models
        ]
        if stray:
            raise ValueError(f"{stray[0]} is of no version")
        for version in self.versions:
            self._require_whole(version)
        return self

    def _require_whole(self, version: PackedVersion) -> None:
        said = version.manifest
        what = f"version {version.number} of model {version.model!r}"
        if digest(said) != version.manifest_digest:
            raise ValueError(f"the manifest of {what} is not that of its digest")
        start = f"{version.folder}/"
        packed = {name.removeprefix(start): sha for name, sha in self.files.items() if name.startswith(start)}
        if packed != said.get("files"):
            raise ValueError(f"the files of {what} are not those of its manifest")
        if (said.get("project", self.project), said.get("model", version.model)) != (self.project, version.model):
            raise ValueError(f"the manifest of {what} is of another model")
        try:
            _METRICS.validate_json(canonical_json(said.get("metrics")), strict=True)
            _DIAGNOSTICS.validate_json(canonical_json(said.get("diagnostics")), strict=True)
        except ValidationError as wrong:
            raise ValueError(f"the metrics or diagnostics of {what} can't be read: {first_problem(wrong)}") from wrong


def manifest_of(bundle: Bundle) -> BundleManifest:
    """The manifest of a bundle on record."""
    return BundleManifest.model_validate_json(canonical_json(bundle.manifest))


def first_problem(wrong: ValidationError) -> str:
    """What is wrong first, with its place."""
    first = wrong.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    problem = first["msg"].removeprefix("Value error, ")
    return f"{place}: {problem}" if place else problem


def _require_one_place_each(files: Mapping[str, str]) -> None:
    """Refuse names that are one on some disks, and a file where another name needs a folder."""
    folded = [unicodedata.normalize("NFC", name).casefold() for name in files]
    if len(set(folded)) < len(folded):
        raise ValueError("two files have names that differ in nothing but capitals or accents")
    for name in folded:
        for above in PurePosixPath(name).parents:
            if str(above) in folded:
                raise ValueError(f"{above} is a file and a folder")
