"""The tutorial as it happens: a model is trained, signed, watched, retrained, reviewed, activated and rolled back.

Every act is a command that somebody could type, called as a function.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from deployments.cli import cast, evaluate, record, running, scenario, score, sign_off, train, version
from deployments.cli.cast import Cast
from deployments.cli.files import replacing
from deployments.projects.credit_card_fraud import generate
from governance.errors import ProjectFileError, Refused
from governance.project_file import FILE_NAME, Project, load_project
from governance.vocabulary import FeedbackVerdict, GateDecision, StepKind
from governance.vocabulary import SignOffAction as Action
from tasks import edge


@dataclass
class Story:
    """What the demo did so far.

    Args:
        declared: Working copy of the tutorial project; its first writer, reviewer and final approver act.
        activity: Shows how far it is.
        cast: The people, each of whom acts in their own name.
        evaluations: Those that were made.
        scenario_runs: Those that were run.
        gate: What the gate said, every time it was asked.
    """

    declared: Project
    activity: running.Activity
    cast: Cast
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    scenario_runs: list[dict[str, Any]] = field(default_factory=list)
    gate: list[dict[str, Any]] = field(default_factory=list)

    @property
    def project(self) -> str:
        """The working copy, as commands want it."""
        return str(self.declared.file)

    @property
    def environment(self) -> str:
        """Where versions become active."""
        return self.declared.monitored_environment

    @property
    def writer(self) -> str:
        """Who trains, requests and activates."""
        return self.declared.people.writers[0]

    @property
    def reviewer(self) -> str:
        """A member of a feedback group."""
        return next(iter(self.declared.people.reviewers.values()))[0]

    @property
    def approver(self) -> str:
        """Who has the last word."""
        return self.declared.people.final_approvers[0]

    def happen(self) -> None:
        """From the first training to the rollback. Holds from any earlier state: versions go on counting."""
        self.become_known()
        self.train_and_sign()
        self.watch_quiet_months()
        second = self.retrain_on_drift()
        self.try_without_approval(second)
        self.review(second)
        self.activate(second)
        self.score_december(second)
        self.go_back()

    def become_known(self) -> None:
        """An administrator makes the project known, and with it what its people are there."""
        with self.cast.acting(self.cast.administrator):
            actor = record.acting(None)
            with edge.known(self.declared, actor):
                pass
        self._done(f"{actor.name} has made the project known, with its people; passwords are in {self.cast.file}.")

    def train_and_sign(self) -> None:
        """Train on January to March, sign, activate."""
        with self.cast.acting(self.writer):
            made = train.train(self.project, acting_as=self.writer).document
        number = str(made["version"])
        self._done(f"Version {number} trained on January to March: ROC AUC {made['metrics']['roc_auc']:.3f}.")
        self._sign(Action.REQUEST_FEEDBACK, number, self.writer, notify=(self.reviewer,))
        verdict = FeedbackVerdict.APPROVED
        self._sign(Action.ADD_FEEDBACK, number, self.reviewer, verdict=verdict, comment="Looks sound")
        self._sign(Action.REQUEST_APPROVAL, number, self.writer, notify=(self.approver,))
        self._sign(Action.APPROVE, number, self.approver, comment="Go")
        self._done(f"Version {number}: {self.reviewer} has reviewed it, {self.approver} has approved it.")
        self.activate(number)

    def watch_quiet_months(self) -> None:
        """Build both stores for April and May, in which nothing moves."""
        for month in ("04", "05"):
            for store in self.declared.stores:
                with self.cast.acting(self.writer):
                    made = evaluate.evaluate(store, self.project, f"monthly:{month}", acting_as=self.writer).document
                self._keep(made)
            values = {name: value for one in self.evaluations[-2:] for name, value in one["metrics"].items()}
            self._done(f"2017-{month}: data drift {values['data_drift']:.3f}, ROC AUC {values['roc_auc']:.3f}.")

    def retrain_on_drift(self) -> str:
        """Run the scenario on June: the check errs, so a new version is trained."""
        with self.cast.acting(self.writer):
            answer = scenario.run("retrain-model", self.project, "monthly:06", acting_as=self.writer).document
        self.scenario_runs.append(
            {
                "scenario": answer["scenario"],
                "outcome": answer["outcome"],
                "steps": [{"name": step["name"], "outcome": step["outcome"]} for step in answer["steps"]],
            }
        )
        by_kind = {step["kind"]: step["result"] for step in answer["steps"]}
        self._keep(by_kind[StepKind.BUILD_EVALUATION])
        number = str(by_kind[StepKind.TRAIN]["version"])
        steps = ", ".join(f"{step['name']} {step['outcome']}" for step in answer["steps"])
        self._done(f"Retrain Model on June: {steps}; version {number} is new.")
        return number

    def try_without_approval(self, number: str) -> None:
        """Nobody has signed the new version: the gate refuses it."""
        try:
            self.activate(number)
        except Refused as refusal:
            self._done(f"The gate: {refusal}")

    def review(self, number: str) -> None:
        """Feedback that changes its mind, a rejection, a second round, an approval."""
        self._sign(Action.REQUEST_FEEDBACK, number, self.writer, notify=(self.reviewer,))
        verdict = FeedbackVerdict.MINOR_ISSUE
        self._sign(Action.ADD_FEEDBACK, number, self.reviewer, verdict=verdict, comment="Fewer refusals found?")
        verdict, comment = FeedbackVerdict.MAJOR_ISSUE, "It learned from the same months again"
        self._sign(Action.EDIT_FEEDBACK, number, self.reviewer, verdict=verdict, comment=comment)
        self._done(f"{self.reviewer} has a minor issue with version {number}, and on second thoughts a major one.")
        self._sign(Action.REQUEST_APPROVAL, number, self.writer, notify=(self.approver,))
        self._sign(Action.REJECT, number, self.approver, comment="See the feedback")
        self._done(f"{self.approver} rejects version {number}.")
        self._sign(Action.RESET, number, self.writer, comment="Discussed: acceptable until autumn")
        self._sign(Action.REQUEST_APPROVAL, number, self.writer, notify=(self.approver,))
        self._sign(Action.APPROVE, number, self.approver, comment="Acceptable until autumn")
        self._done(f"{self.writer} resets the review; in the second round {self.approver} approves version {number}.")

    def activate(self, number: str) -> None:
        """Ask the gate of the monitored environment. Raises: Refused, after it was kept."""
        try:
            with self.cast.acting(self.writer):
                said = version.activate(number, self.environment, self.project, acting_as=self.writer).document
        except Refused as refusal:
            reasons = list(getattr(refusal, "reasons", [str(refusal)]))
            self._ask(number, GateDecision.REFUSED, reasons)
            raise
        self._ask(number, said["decision"], said["reasons"])
        self._done(f"Version {number} is active in {self.environment}.")

    def score_december(self, number: str) -> None:
        """Put predictions beside the rows of December."""
        output = self.declared.folder / "data/scored_2017_12.parquet"
        with self.cast.acting(self.writer):
            made = score.score("monthly:12", output, self.project, acting_as=self.writer).document
        self._done(f"{made['rows']:,} purchases of December scored with version {number} into {output}.")

    def go_back(self) -> None:
        """Roll back to the version that was active before, through the same gate."""
        with self.cast.acting(self.writer):
            said = version.rollback(None, self.environment, self.project, acting_as=self.writer).document
        self._ask(str(said["version"]), said["decision"], said["reasons"])
        self._done(f"Rolled back: version {said['version']} is active in {self.environment} again.")

    def _sign(self, action: Action, number: str, who: str, **said: Any) -> None:
        with self.cast.acting(who):
            sign_off.make(action, number, self.project, acting_as=who, **said)

    def _keep(self, made: Mapping[str, Any]) -> None:
        self.evaluations.append({name: made[name] for name in ("id", "store", "data", "rows", "metrics")})

    def _ask(self, number: str, decision: str, reasons: list[str]) -> None:
        asked = {"version": int(number), "environment": self.environment, "decision": decision, "reasons": reasons}
        self.gate.append(asked)

    def _done(self, sentence: str) -> None:
        self.activity.done(f"• {sentence}")


def tell(folder: Path) -> dict[str, Any]:
    """Let the story happen in a folder.

    Args:
        folder: The tutorial project itself, or where a working copy of it is made; its data lie beside it.

    Returns:
        ``project``, ``folder``, ``people_file`` with their passwords; all ``versions`` there are now; the ``evaluations``, ``scenario_runs`` and ``gate``
        decisions of this telling; the number of ``audit_events`` of the project.
    """
    if not (folder / FILE_NAME).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / FILE_NAME) as temporary:
            shutil.copyfile(generate.PROJECT_FOLDER / FILE_NAME, temporary)
    declared = load_project(folder)
    tutorial = load_project(generate.PROJECT_FOLDER).project
    if declared.project != tutorial:
        raise ProjectFileError(
            declared.file,
            None,
            "project",
            f"{declared.project!r} is not the tutorial",
            "name another folder for the demo",
        )
    with running.flows("Starting the demo") as activity:
        activity.doing("Making the data of 2017")
        generate.ensure(folder / "data", progress=lambda file, _: activity.doing(f"Making {file}"))
        activity.done(f"• Card purchases of 2017, made up, in {folder / 'data'}.")
        story = Story(declared, activity, cast.gather(people_of(declared)))
        story.happen()
    return _on_record(story)


def people_of(declared: Project) -> list[str]:
    """Everybody whom a project names, in its order."""
    named = declared.people
    return list(dict.fromkeys([*named.writers, *chain(*named.reviewers.values()), *named.final_approvers]))


def _on_record(story: Story) -> dict[str, Any]:
    from governance import audit

    declared = story.declared
    with story.cast.acting(story.writer):
        versions = version.list_versions(story.project).document["versions"]
    with edge.reading() as session:
        events = audit.count_events(session, declared.project)
    told = ("version", "active_in", "sign_off", "metrics")
    return {
        "project": declared.project,
        "folder": declared.folder,
        "people_file": story.cast.file,
        "versions": [{name: one[name] for name in told} for one in reversed(versions)],
        "evaluations": story.evaluations,
        "scenario_runs": story.scenario_runs,
        "gate": story.gate,
        "audit_events": events,
    }
