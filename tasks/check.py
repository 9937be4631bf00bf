"""Run the checks of a store on one of its evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import evaluations
from governance.errors import ChangedMeanwhile
from governance.project_file import Project, load_project
from governance.tables import Evaluation
from governance.vocabulary import STEP_OUTCOMES, WORST_LAST, StepOutcome
from tasks import edge
from tasks.checks import Evidence, Finding, history_needed, metrics_needed, run_check
from tasks.publish import publish_checks


@task(task_run_name="Check", cache_policy=NO_CACHE)
def run_checks(project: str, store: str, actor: str | None, evaluation_id: str | None = None) -> dict[str, Any]:
    """Hold an evaluation, the latest if none is named, against every check of its store, and keep what was found.

    Returns: outcome of the step, one clause for people, and the checks.  Raises: NotFound without an evaluation;
    ChangedMeanwhile when the evaluation was overwritten while it was checked.
    """
    return edge.once(lambda: _checked(load_project(project), store, actor, evaluation_id))


def _checked(project: Project, store: str, actor: str | None, evaluation_id: str | None) -> dict[str, Any]:
    who = edge.acting(actor)
    with edge.known(project, who) as session:
        row = evaluations.find_store(session, project.project, store)
        if evaluation_id is None:
            evaluation = evaluations.latest_evaluation(session, row)
        else:
            evaluation = evaluations.find_evaluation(session, project.project, evaluation_id, row)
        checks = project.store(store).checks
        evidence = Evidence(
            latest=evaluations.metrics_of(session, evaluation),
            history=evaluations.metrics_before(
                session, evaluation, last=history_needed(checks), names=metrics_needed(checks)
            ),
            folder=project.folder,
        )
        looked_at = evaluation.id, evaluation.folder
    # A check may be a function of the project, and nobody else waits for the database until it has answered.
    findings = [run_check(check, evidence) for check in checks]
    with edge.transaction() as session:
        evaluation = session.get_one(Evaluation, looked_at[0])
        if evaluation.folder != looked_at[1]:
            raise ChangedMeanwhile(f"evaluation {evaluation.id}", "what was checked", "another one in its place")
        evaluations.record_check_results(session, evaluation, findings, actor=who, at=edge.now())
        checked = _told(store, evaluation, findings)
        edge.keep(session, checked)
    publish_checks(project.project, checked)
    return checked


def _told(store: str, evaluation: Evaluation, findings: Sequence[Finding]) -> dict[str, Any]:
    outcomes = [STEP_OUTCOMES[finding.outcome, finding.empty] for finding in findings]
    sentences = [f"{finding.name}: {finding.outcome}, {finding.message}" for finding in findings]
    return {
        "store": store,
        "evaluation": evaluation.id,
        "data": evaluation.data,
        "outcome": max(outcomes, key=WORST_LAST.index, default=StepOutcome.SUCCESS),
        "message": "; ".join(sentences) or "the store has no checks",
        "checks": [asdict(finding) for finding in findings],
    }
