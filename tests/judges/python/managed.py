"""Returns the documents of AWS managed policies from moto's copy.

Reads `[ARN]` from stdin, writes `{ARN: document}` to stdout.
"""

import json
import sys

from moto.iam.aws_managed_policies import aws_managed_policies_data

POLICIES = json.loads(aws_managed_policies_data)

# moto's ARN paths may differ from AWS's, but its policy names are the same.
json.dump({arn: POLICIES[arn.split("/")[-1]]["Document"] for arn in json.load(sys.stdin)}, sys.stdout)
