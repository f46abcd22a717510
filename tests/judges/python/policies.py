"""Judges IAM policy documents by parliament: unknown actions and conditions, resources that no action has, bad forms.

Reads `{case: [{who, document}]}` from stdin, writes `{case: [{rule, who, detail}]}` to stdout; `who` ends with the
statement's Sid where a finding is about one.
"""

import json
import re
import sys

from parliament import analyze_policy_string


def statement_at(text, location):
    """The Sid of the statement that a column of the text, which is one line, is in; none for the policy as a whole."""
    column = (location.get("column") if isinstance(location, dict) else None) or 0
    return [found[1] for found in re.finditer(r'\{"Sid": "(\w+)"', text) if found.start() < column][-1:]


def report_on(policies):
    report = {}
    for policy in policies:
        text = json.dumps(policy["document"])
        for finding in analyze_policy_string(text).findings:
            who = " ".join([policy["who"], *statement_at(text, finding.location)])
            # What it says of each action that a wildcard stands for is said once.
            report[(finding.issue, who, str(finding.detail))] = None
    return [{"rule": rule, "who": who, "detail": detail} for rule, who, detail in report]


json.dump({case: report_on(policies) for case, policies in json.load(sys.stdin).items()}, sys.stdout)
