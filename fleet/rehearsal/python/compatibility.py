"""Lists the outdated components of flows, by the check of `lfx upgrade`, which LangFlow's canvas uses too.

Arguments: a JSON file with graphs by id, and a JSON file to write with the components per id that differ from this release.
"""

import copy
import json
import sys
from pathlib import Path

from lfx.extension.migration import migrate_flow_payload
from lfx.upgrade.checker import build_registry_lookup, check_flow_compatibility
from lfx.upgrade.registry import load_upgrade_registry


def moved(graph):
    """Returns by node the bundle component, such as `ext:openai:OpenAIModel@official`, that replaces an earlier release's name."""
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
    """Returns the components' statuses, or None if the check cannot read the graph."""
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
