"""Prints every route of LangFlow's application as JSON: methods and path.

Run it in the environment of a serving LangFlow, so that the same settings apply. `openapi.json` is incomplete: LangFlow
excludes many routes from it (`include_in_schema=False`), and it contains no WebSockets.
"""

import json
import sys

import langflow.main
from fastapi.routing import iter_route_contexts

app = langflow.main.setup_app()
routes = []
for route in iter_route_contexts(app.routes):
    kind = type(route.original_route).__name__
    methods = sorted(getattr(route, "methods", None) or [])
    routes.append({"methods": methods or [kind], "path": route.path})
json.dump(routes, sys.stdout)
