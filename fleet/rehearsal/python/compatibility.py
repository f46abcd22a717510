"""Checks the components of flows against this Python's LangFlow, by the rule of `lfx upgrade` and LangFlow's canvas.

Arguments: a JSON file with graphs by id, and the JSON file to write: by id, a list of components that differ from this release's.
"""

import copy
import json
import sys
from pathlib import Path

from lfx.extension.migration import migrate_flow_payload
from lfx.upgrade.checker import build_registry_lookup, check_flow_compatibility
from lfx.upgrade.registry import load_upgrade_registry


def moved(graph):
    """Maps each node to its bundle component, for example `ext:openai:OpenAIModel@official`, which replaces a name of earlier releases."""
    report = migrate_flow_payload(copy.deepcopy(graph))
    known = ("rewritten", "already_canonical")
    return {record.node_id: record.new_value or record.legacy_value for record in report.records if record.outcome in known}


def statuses(graph, types, registry):
    found = check_flow_compatibility(graph, types, registry=registry).nodes
    targets = moved(graph) if any(node.status == "blocked" for node in found) else {}
    return [
        {
            "node": node.node_id,
            "component": node.component_type,
            "status": node.status,
            "target": targets.get(node.node_id) if node.status == "blocked" else None,
        }
        for node in found
        if node.status != "ok"
    ]


def told_of(graph, types, registry):
    """Returns the statuses, or None for a graph that the rule cannot read."""
    try:
        return statuses(graph, types, registry)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def main():
    graphs, told = (Path(argument) for argument in sys.argv[1:])
    types = load_upgrade_registry()
    registry = build_registry_lookup(types)
    by_id = {id_: told_of(graph, types, registry) for id_, graph in json.loads(graphs.read_text()).items()}
    told.write_text(json.dumps(by_id))


main()
