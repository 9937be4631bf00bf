"""The REST API: what the services do, over HTTP. It decides nothing; it asks, and says what was answered."""

from governance.web.app import create_app

__all__ = ["create_app"]
