"""What addresses and headers carry besides what a route asks for: conditions, keys, and what is wanted of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Header, Query
from pydantic import BaseModel, Field
from sqlmodel import Session

from governance.listing import DEFAULT_PAGE, LARGEST_PAGE, Listing, Page, page_of

Shown = TypeVar("Shown")

IF_MATCH: Final = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|"[0-9]{1,9}")$',
        description="The ETag of what you have seen; 412 when it has changed. '*' takes whatever is there.",
        examples=['"3"'],
    ),
]
IDEMPOTENCY_KEY: Final = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:-]{1,120}$",
        description="Chosen by the client: the same request with the same key is carried out once.",
        examples=["7d1c0d5e-5f0e-4d3c-9d36-0c1b8d3c9b10"],
    ),
]
CSRF_TOKEN: Final = Annotated[
    str | None,
    Header(alias="X-CSRF-Token", max_length=100, description="Needed with a cookie; GET /api/v1/me gives it."),
]

FILTER: Final = "filter_"
"""Before the names of filters among the parameters of a function: a filter may be called like one of those."""

_OF_EVERY_LIST: Final = ("limit", "after", "sort")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants of a list.

    Args:
        sort: As :func:`governance.listing.page_of` takes it, as are the others.
    """

    sort: str | None
    filters: Mapping[str, str]
    limit: int
    after: str | None

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Wanted:
        """From the parameters of an address, those that were left out being none."""
        filters = {name: value for name, value in asked.items() if name not in _OF_EVERY_LIST and value is not None}
        return cls(asked["sort"], filters, asked["limit"] or DEFAULT_PAGE, asked["after"])

    def page(self, session: Session, query: Any, listing: Listing) -> Page[Any]:
        """The page of a query."""
        return page_of(
            session, query, listing, sort=self.sort, filters=self.filters, limit=self.limit, after=self.after
        )


class Listed(BaseModel, Generic[Shown]):
    """A page of a list."""

    items: list[Shown]
    next: str | None = Field(description="Send it as 'after' for the rows that follow; null: there are none.")


def list_parameters(listing: Listing) -> dict[str, Any]:
    """The parameters that a list takes in its address."""
    ways = sorted([*listing.columns, *(f"-{name}" for name in listing.columns)])
    named: dict[str, Any] = {
        "limit": Annotated[int | None, Query(alias="limit", ge=1, le=LARGEST_PAGE, description="Rows at most.")],
        "after": Annotated[str | None, Query(alias="after", max_length=1000, description="From the page before.")],
        "sort": Annotated[
            str | None,
            Query(alias="sort", json_schema_extra={"enum": ways}, description=f"Default: {listing.default_sort}."),
        ],
    }
    for name in sorted({*listing.columns, *listing.filters}):
        named[name] = Annotated[str | None, Query(alias=name, max_length=300)]
    return {f"{FILTER}{name}": kind for name, kind in named.items()}
