"""People: who they are, by what they are known, and which roles they have where."""

from governance.people.administrators import administrators
from governance.people.assigning import assign_role, list_assignments, take_role_away
from governance.people.declaring import (
    Place,
    bring_in,
    declare_only,
    declared_places,
    in_order,
    last_declared,
    recorded_places,
)
from governance.people.groups import (
    add_to_group,
    create_group,
    find_group,
    list_groups,
    members_of,
    remove_from_group,
)
from governance.people.limits import Refusal
from governance.people.logging_in import USE_KEPT_FOR, LoggedIn, begin_log_in, identify, log_in, log_out, note_use
from governance.people.outside import outside_subject, user_of_subject
from governance.people.passwords import new_password
from governance.people.tokens import create_token, find_token, list_tokens, revoke_token
from governance.people.turns import hold_people_still, one_at_a_time
from governance.people.users import (
    change_user,
    create_administrator,
    create_user,
    deactivate_user,
    find_user,
    list_users,
    reactivate_user,
    set_password,
)

__all__ = [
    "USE_KEPT_FOR",
    "LoggedIn",
    "Place",
    "Refusal",
    "add_to_group",
    "administrators",
    "assign_role",
    "begin_log_in",
    "bring_in",
    "change_user",
    "create_administrator",
    "create_group",
    "create_token",
    "create_user",
    "deactivate_user",
    "declare_only",
    "declared_places",
    "find_group",
    "find_token",
    "find_user",
    "hold_people_still",
    "identify",
    "in_order",
    "last_declared",
    "list_assignments",
    "list_groups",
    "list_tokens",
    "list_users",
    "log_in",
    "log_out",
    "members_of",
    "new_password",
    "note_use",
    "one_at_a_time",
    "outside_subject",
    "reactivate_user",
    "recorded_places",
    "remove_from_group",
    "revoke_token",
    "set_password",
    "take_role_away",
    "user_of_subject",
]
