"""Checks AWS API calls and their expected responses against botocore's service models.

Reads `{case: [{service, operation, input, answer}]}` from stdin, with the AWS CLI's names of services and operations,
and writes `{case: [{rule, who, detail}]}` to stdout. Reports unknown operations, and members that are unknown, missing,
of the wrong type, not in the enumeration, or do not match the pattern.
"""

import json
import sys

from botocore import xform_name
from botocore.validate import ParamValidator

from shapes import faults, service_model

# The AWS CLI names S3's low-level API s3api, unlike the service.
SERVICES = {"s3api": "s3"}


def operation_named(service, name):
    model = service_model(SERVICES.get(service, service))
    found = next((each for each in model.operation_names if xform_name(each, "-") == name), None)
    return found and model.operation_model(found)


def held_against(values, shape, part):
    if shape is None:
        return [f"{part}: there is none"] if values else []
    lines = ParamValidator().validate(values, shape).generate_report().splitlines()
    return [f"{part} {each}" for each in [*lines, *faults(values, shape, "")] if each]


def judged(call):
    model = operation_named(call["service"], call["operation"])
    if model is None:
        return ["no such operation"]
    return [
        *held_against(call["input"], model.input_shape, "input"),
        *held_against(call["answer"], model.output_shape, "answer"),
    ]


def report_on(calls):
    return [
        {"rule": f"{call['service']} {call['operation']}", "who": call["who"], "detail": detail}
        for call in calls
        for detail in judged(call)
    ]


json.dump({case: report_on(calls) for case, calls in json.load(sys.stdin).items()}, sys.stdout)
