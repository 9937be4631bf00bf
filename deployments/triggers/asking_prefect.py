"""What is asked of the Prefect server: to start a run, once, and to pass on that something has happened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from governance.errors import NotFound, ServerUnavailable

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events import Event


def start_run(deployment: str, parameters: Mapping[str, Any], *, key: str) -> str:
    """Start a run of a deployment, or find the one that was started with this key before.

    Args:
        deployment: As ``flow/name``.
        parameters: Besides those of the deployment.
        key: The same for the same reason to start: a second run is not made.

    Returns:
        The name of the run.

    Raises:
        NotFound: there is no such deployment.
        ServerUnavailable: the server is away, or does not take the run.
    """
    with asking_prefect() as client:
        found = find_deployment(client, deployment)
        run = client.create_flow_run_from_deployment(found, parameters=dict(parameters), idempotency_key=key)
    return run.name


def find_deployment(client: SyncPrefectClient, name: str) -> Any:
    """The id of a deployment. Raises: NotFound."""
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        remedy = "start 'driftgate serve' or 'driftgate watch' with its project"
        raise NotFound("deployment", name, (), remedy) from None


def pass_on(event: Event) -> None:
    """Hand an event to the server and wait until it has it. An event of the same id counts once.

    Raises:
        ServerUnavailable: the server is away.
    """
    with asking_prefect() as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()


def is_on_its_way(deployment: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a run of a deployment with these parameters has not ended yet. Raises: NotFound, ServerUnavailable."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import TERMINAL_STATES

    ended = filters.FlowRunFilterStateType(not_any_=sorted(TERMINAL_STATES))
    with asking_prefect() as client:
        one = filters.DeploymentFilterId(any_=[find_deployment(client, deployment)])
        runs = client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=one),
            flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=ended)),
        )
    return any(all(run.parameters.get(name) == value for name, value in parameters.items()) for run in runs)


@contextmanager
def asking_prefect() -> Iterator[SyncPrefectClient]:
    """A client of the server of PREFECT_API_URL; what goes wrong on the way is one error. Raises: ServerUnavailable."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.HTTPError, PrefectException, OSError) as error:
        address = os.environ.get("PREFECT_API_URL", "")
        problem = " ".join(str(error).split())[:300] or type(error).__name__
        raise ServerUnavailable(address, problem, "it is asked again") from error
