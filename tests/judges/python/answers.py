"""Judges calls of AWS and what is said to be their answers by botocore's service models.

Reads `{case: [{service, operation, input, answer}]}` from stdin, services and operations as the AWS CLI names them, and
writes `{case: [{rule, who, detail}]}` to stdout. What it finds: operations that are not there, members that an operation
does not take or answer with, missing, of the wrong type, none of the enumeration, not of the pattern.
"""

import json
import sys

from botocore import xform_name
from botocore.validate import ParamValidator

from shapes import faults, service_model

# The AWS CLI calls the operations of S3's own API by another name than the service.
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
