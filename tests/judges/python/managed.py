"""Documents of the policies that AWS manages, as moto keeps them.

Reads `[ARN]` from stdin, writes `{ARN: document}` to stdout.
"""

import json
import sys

from moto.iam.aws_managed_policies import aws_managed_policies_data

POLICIES = json.loads(aws_managed_policies_data)

# Its paths are not always AWS's; the names are.
json.dump({arn: POLICIES[arn.split("/")[-1]]["Document"] for arn in json.load(sys.stdin)}, sys.stdout)
