"""Print the service's OpenAPI document, from which the types of the page are generated."""

from __future__ import annotations

import json

from backend.api.openapi import openapi_document
from backend.app import create_app
from backend.config import Settings
from tests.fakes import AbsentModel, examine_here

if __name__ == "__main__":
    app = create_app(Settings(), AbsentModel("not needed"), examine_here)
    print(json.dumps(openapi_document(app.url_map.iter_rules(), keys_are_needed=False), indent=2))
