"""Every route of LangFlow's application, as JSON: methods and path.

To be run in the environment of a LangFlow that serves, so that what settings switch on and off is as there. `openapi.json` does
not have them all: LangFlow keeps many out of it (`include_in_schema=False`), and it has no WebSockets.
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
