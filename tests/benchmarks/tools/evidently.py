"""Evidently: the data drift preset, with the column types given."""

from __future__ import annotations

DISTRIBUTION = "evidently"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """The reference as a data set."""
    from evidently import DataDefinition, Dataset

    definition = DataDefinition(numerical_columns=table.numbers, categorical_columns=table.categories)
    return definition, Dataset.from_pandas(table.reference, data_definition=definition)


def measure(state, table):
    """The report; it is not rendered."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    definition, reference = state
    current = Dataset.from_pandas(table.current, data_definition=definition)
    return Report([DataDriftPreset()]).run(current, reference)


TOOLS = {"evidently": (prepare, measure)}
