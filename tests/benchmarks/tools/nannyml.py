"""NannyML's univariate drift: Kolmogorov–Smirnov and chi², and its default (Jensen–Shannon). The batch is one chunk."""

from __future__ import annotations

DISTRIBUTION = "nannyml"
IN_MEMORY: dict[str, bool] = {}


def _prepare(**methods):
    def prepare(table):
        """A calculator fitted on the reference."""
        import os

        os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
        import nannyml

        return nannyml.UnivariateDriftCalculator(
            column_names=table.numbers + table.categories,
            treat_as_categorical=table.categories,
            chunk_number=1,
            **methods,
        ).fit(table.reference)

    return prepare


def measure(calculator, table):
    """Its result as a table."""
    return calculator.calculate(table.current).to_df()


TOOLS = {
    "nannyml": (_prepare(continuous_methods=["kolmogorov_smirnov"], categorical_methods=["chi2"]), measure),
    "nannyml-default": (_prepare(), measure),
}
