"""One module per noun. A route finds its rows, hands them to one service, and says what came of it."""

from typing import Final

from governance.web.routes import (
    audit,
    bundles,
    environments,
    evaluations,
    groups,
    health,
    items,
    models,
    notices,
    outside,
    overrides,
    projects,
    roles,
    sessions,
    sign_offs,
    templates,
    tokens,
    users,
    versions,
    workflows,
)
from governance.web.routing import Routes

ALL: Final[tuple[Routes, ...]] = (
    health.ROUTES,
    sessions.ROUTES,
    outside.ROUTES,
    users.ROUTES,
    groups.ROUTES,
    roles.ROUTES,
    tokens.ROUTES,
    projects.ROUTES,
    environments.ROUTES,
    models.ROUTES,
    versions.ROUTES,
    evaluations.ROUTES,
    templates.ROUTES,
    items.ROUTES,
    workflows.ROUTES,
    sign_offs.ROUTES,
    overrides.ROUTES,
    bundles.ROUTES,
    audit.ROUTES,
    notices.ROUTES,
)
"""Every noun of the API, in the order of its description."""
