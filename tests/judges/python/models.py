"""Checks AWS resources against botocore's service models, which are AWS's own description of its API.

Reads `{case: [{type, name, stack, inputs}]}` from stdin, writes `{case: report}` to stdout. A report lists
types and inputs without a call, missing required members, members that have the wrong type, range or length, are not in
the enumeration or do not match the pattern, and unknown AWS regions.
"""

import json
import sys

from botocore.validate import ParamValidator

from operations import CALLS, NO_CALL, NOT_SENT
from shapes import SESSION, faults, operation_model

REGIONS = set(SESSION.get_available_regions("ec2"))


def singular(name):
    return name.lower().removesuffix("s")


def member(shape, name):
    """Returns the member of a structure with this name, ignoring case and plural, or None."""
    if shape is None or shape.type_name != "structure":
        return None
    return next((each for each in shape.members if singular(each) == singular(name)), None)


class Arguments:
    """Arguments of one call, built from a resource's inputs."""

    def __init__(self, call):
        self.call = call
        self.shape = operation_model(call.operation).input_shape
        self.values = {}
        self.unplaced = []
        self.fields = 0

    def names_input(self, key):
        return any(name.split(".")[0] == key for name in self.call.names)

    def place(self, key, value):
        """Assigns an input to the call's member for it. Returns False if the call has no such member."""
        inside = below(self.call.names, key)
        path = self.path_of(key)
        if path is None and inside and isinstance(value, dict):
            return all([self.assign(inside[name], part) for name, part in value.items() if name in inside])
        return path is not None and self.assign(path, value, inside)

    def path_of(self, key):
        if key in self.call.names:
            return self.call.names[key]
        found = member(self.shape, key)
        if found is None and self.call.under:
            found = member(self.shape.members[self.call.under], key)
            return found and f"{self.call.under}.{found}"
        return found

    def assign(self, path, value, names={}):
        target, shape = self.values, self.shape
        *parents, last = path.replace("[]", ".[]").split(".")
        for step in [*parents, last]:
            at_end = step is last
            inner = shape.member if step == "[]" else shape.members[step]
            if at_end:
                made = self.converted(value, inner, path, names)
                if step == "[]":
                    target.append(made)
                elif isinstance(made, list) and target.get(step):
                    target[step].extend(made)
                else:
                    target[step] = made
                return True
            empty = [] if inner.type_name == "list" else {}
            if step == "[]":
                if not target:
                    target.append(empty)
                target = target[0]
            else:
                target = target.setdefault(step, empty)
            shape = inner
        return True

    def converted(self, value, shape, path, names):
        """Converts a value to the API's shape, and records the parts that do not fit."""
        if shape.type_name == "list":
            items = pairs_as_list(value, shape) if path.lower().endswith(("tags", "dimensions")) else value
            items = items if isinstance(items, list) else [items]
            return [self.converted(item, shape.member, f"{path}[]", names) for item in items]
        if shape.type_name == "structure":
            return self.structured(value, shape, path, names)
        if shape.type_name == "map":
            return self.mapped(value, shape, path)
        self.fields += 1
        return value.encode() if shape.type_name == "blob" and isinstance(value, str) else value

    def mapped(self, value, shape, path):
        """Converts a value to a map, which the provider may represent as one entry or a list of entries with keys."""
        entries = value if isinstance(value, list) else [value]
        if all(set(entry) == {"key", "value"} for entry in entries):
            value = {entry["key"]: entry["value"] for entry in entries}
        elif isinstance(value, list):
            value = {entry["name"]: {key: part for key, part in entry.items() if key != "name"} for entry in entries}
        return {key: self.converted(part, shape.value, f"{path}.{key}", {}) for key, part in value.items()}

    def structured(self, value, shape, path, names):
        only = next(iter(shape.members), None) if len(shape.members) == 1 else None
        if not isinstance(value, dict) and only:
            # The API wraps this list or plain value in a structure.
            return {only: self.converted(value, shape.members[only], f"{path}.{only}", {})}
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else value
        if not isinstance(value, dict):
            return value
        made = {}
        for key, part in value.items():
            name = names.get(key) or member(shape, key)
            if name is None:
                self.unplaced.append(f"{path}.{key}")
                continue
            *outer, last = name.split(".")
            target, holder = made, shape
            for step in outer:
                target, holder = target.setdefault(step, {}), holder.members[step]
            target[last] = self.converted(part, holder.members[last], f"{path}.{name}", below(names, key))
        return made


def below(names, key):
    """Returns the names inside an input, relative to that input."""
    return {name.removeprefix(f"{key}."): path for name, path in names.items() if name.startswith(f"{key}.")}


# Names of the two parts of a tag or dimension, which differ by service.
PAIRS = [("TagKey", "TagValue"), ("Key", "Value"), ("Name", "Value")]


def pairs_as_list(value, shape):
    if not isinstance(value, dict):
        return value
    key, name = next(pair for pair in PAIRS if pair[0] in shape.member.members)
    return [{key: each, name: text} for each, text in value.items()]


def judged(resource):
    """Returns findings, calls and number of fields of one resource."""
    calls, inputs = CALLS.get(resource["type"]), dict(resource["inputs"])
    region = inputs.pop("region", None)
    findings = [] if region in (None, *REGIONS) else [f"region: there is no {region}"]
    if calls is None:
        return [*findings, "no call is known that makes it"], [], 0
    arguments = [Arguments(call) for call in calls]
    for key, value in inputs.items():
        if key in NOT_SENT:
            continue
        first = next((each for each in arguments if each.path_of(key)), None)
        takers = [each for each in arguments if each is first or each.names_input(key)]
        if not [each for each in takers if each.place(key, value)]:
            findings.append(f"{key}: no call takes it")
    for each in arguments:
        values = {**each.call.given, **each.values}
        findings += [f"{each.call.operation} {path}: the call has no such member" for path in each.unplaced]
        if each.shape is None:
            continue
        report = ParamValidator().validate(values, each.shape)
        findings += [f"{each.call.operation} {line}" for line in report.generate_report().splitlines() if line]
        findings += [f"{each.call.operation} {fault}" for fault in faults(values, each.shape, "")]
    return findings, [each.call.operation for each in arguments], sum(each.fields for each in arguments)


def report_on(resources):
    report = {"resources": 0, "withoutCall": {}, "calls": 0, "operations": set(), "fields": 0, "findings": []}
    for resource in resources:
        if resource["type"] in NO_CALL:
            report["withoutCall"][resource["type"]] = NO_CALL[resource["type"]]
            continue
        findings, operations, fields = judged(resource)
        report["resources"] += 1
        report["calls"] += len(operations)
        report["operations"].update(operations)
        report["fields"] += fields
        who = f"{resource['stack']} {resource['type']} {resource['name']}"
        report["findings"] += [{"rule": resource["type"], "who": who, "detail": finding} for finding in findings]
    return {**report, "operations": sorted(report["operations"])}


json.dump({case: report_on(resources) for case, resources in json.load(sys.stdin).items()}, sys.stdout)
