"""Flows under the name of a scenario, for deployments that are written by hand in ``prefect.yaml``.

Prefect calls a deployment ``<flow>/<deployment>`` and takes the first half from the flow it finds.
"""

from __future__ import annotations

from flows.scenario import run_scenario

retrain_model = run_scenario.with_options(name="retrain-model")
"""The flow of ``retrain-model/weekly``; which scenario of which project it runs, its parameters say."""
