"""Reads botocore's service models, and checks constraints that botocore's own validator ignores."""

import botocore.session
import regex

# Secrets, and values that only a deployment determines: their form cannot be checked.
HIDDEN = ("[secret]", "(known after the deployment)")

SESSION = botocore.session.get_session()
MODELS = {}


def service_model(service):
    if service not in MODELS:
        MODELS[service] = SESSION.get_service_model(service)
    return MODELS[service]


def operation_model(name):
    service, operation = name.split(".")
    return service_model(service).operation_model(operation)


def faults(value, shape, path):
    """Checks the constraints that ParamValidator ignores: enumerations, patterns and upper bounds."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for key, part in value.items():
            if key in shape.members:
                yield from faults(part, shape.members[key], f"{path}.{key}")
        return
    if shape.type_name == "list" and isinstance(value, list):
        yield from bounds(len(value), shape, path)
        for index, part in enumerate(value):
            yield from faults(part, shape.member, f"{path}[{index}]")
        return
    if shape.type_name == "string" and isinstance(value, str):
        if any(hidden in value for hidden in HIDDEN):
            return
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value} is none of {', '.join(shape.enum)}"
        pattern = shape.metadata.get("pattern")
        if pattern and not regex.fullmatch(pattern, value):
            yield f"{path}: {value} is not of the form {pattern}"
        yield from bounds(len(value), shape, path)
    elif shape.type_name in ("integer", "long", "double", "float") and isinstance(value, (int, float)):
        yield from bounds(value, shape, path)


def bounds(number, shape, path):
    if number > shape.metadata.get("max", number):
        yield f"{path}: {number} is more than {shape.metadata['max']}"
