"""Run the checks of a store on its latest evaluation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import evaluations
from governance.project_file import load_project
from governance.vocabulary import StepOutcome
from tasks import edge
from tasks.checks import STEP_OUTCOMES, run_check
from tasks.publish import publish_checks

_WORST_LAST = (StepOutcome.SUCCESS, StepOutcome.WARNING, StepOutcome.FAILED)


@task(task_run_name="Check", cache_policy=NO_CACHE)
def run_checks(project: str, store: str, actor: str | None) -> dict[str, Any]:
    """Hold the latest evaluation against every check of its store, and keep what was found.

    Returns: outcome of the step, one clause for people, and the checks.  Raises: NotFound without an evaluation.
    """
    declared = load_project(project)
    checks = declared.store(store).checks
    who = edge.acting(actor)
    with edge.known(declared, who) as session:
        evaluation = evaluations.latest_evaluation(session, evaluations.find_store(session, declared.project, store))
        measured = evaluations.metrics_of(session, evaluation)
        findings = [run_check(check, measured.get(check.metric)) for check in checks]
        evaluations.record_check_results(session, evaluation, findings, actor=who, at=edge.now())
        evaluation_id, data = evaluation.id, evaluation.data
    outcomes = [STEP_OUTCOMES[finding.outcome, finding.empty] for finding in findings]
    sentences = [f"{finding.name}: {finding.outcome}, {finding.message}" for finding in findings]
    checked = {
        "store": store,
        "evaluation": evaluation_id,
        "data": data,
        "outcome": max(outcomes, key=_WORST_LAST.index, default=StepOutcome.SUCCESS),
        "message": "; ".join(sentences) or "the store has no checks",
        "checks": [asdict(finding) for finding in findings],
    }
    publish_checks(declared.project, checked)
    return checked
