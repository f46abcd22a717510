"""Checks IAM policy documents with parliament: unknown actions and conditions, mismatched resources, invalid syntax.

Reads `{case: [{who, document}]}` from stdin, writes `{case: [{rule, who, detail}]}` to stdout; `who` ends with the
statement's Sid if a finding is about a single statement.
"""

import json
import re
import sys

from parliament import analyze_policy_string


def statement_at(text, location):
    """Returns the Sid of the statement at a column of the one-line text, or nothing for the policy as a whole."""
    column = (location.get("column") if isinstance(location, dict) else None) or 0
    return [found[1] for found in re.finditer(r'\{"Sid": "(\w+)"', text) if found.start() < column][-1:]


def report_on(policies):
    report = {}
    for policy in policies:
        text = json.dumps(policy["document"])
        for finding in analyze_policy_string(text).findings:
            who = " ".join([policy["who"], *statement_at(text, finding.location)])
            # Merges duplicate findings for the actions that a wildcard matches.
            report[(finding.issue, who, str(finding.detail))] = None
    return [{"rule": rule, "who": who, "detail": detail} for rule, who, detail in report]


json.dump({case: report_on(policies) for case, policies in json.load(sys.stdin).items()}, sys.stdout)
