"""Encrypts and decrypts values with LangFlow's own code and LANGFLOW_SECRET_KEY.

Each input line is {"encrypt" or "decrypt": {name: [form, value]}}. Each output line contains the values by name.
"""

import json
import sys

from langflow.services.auth import mcp_encryption, utils
from langflow.services.database.models.auth import sso_secret

ENCRYPT = {
    "token": utils.encrypt_api_key,
    "sso": sso_secret.encrypt_sso_client_secret,
    "mcpConfig": mcp_encryption.encrypt_mcp_config,
    "authSettings": mcp_encryption.encrypt_auth_settings,
}
DECRYPT = {
    "token": utils.decrypt_api_key,
    "sso": sso_secret.decrypt_sso_client_secret,
    "mcpConfig": mcp_encryption.decrypt_mcp_config,
    "authSettings": mcp_encryption.decrypt_auth_settings,
}

for line in sys.stdin:
    [(what, values)] = json.loads(line).items()
    do = ENCRYPT if what == "encrypt" else DECRYPT
    print(json.dumps({name: do[form](value) for name, (form, value) in values.items()}), flush=True)
