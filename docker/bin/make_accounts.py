#!/usr/bin/env python
"""Give the accounts of an MLflow server the passwords that they have in the environment.

ACCOUNTS lists names; the password of each is in MLFLOW_PASSWORD_<NAME>. An account that is missing is made, one that
exists gets its password anew. MLFLOW_TRACKING_URI, _USERNAME and _PASSWORD name the server and an administrator.
"""

import os
import sys

from mlflow.exceptions import RestException
from mlflow.server import get_app_client


def main() -> int:
    """Return the exit status: 0 if every account of ACCOUNTS can log in now."""
    client = get_app_client("basic-auth", os.environ["MLFLOW_TRACKING_URI"])
    for name in os.environ["ACCOUNTS"].split():
        password = os.environ[f"MLFLOW_PASSWORD_{name.upper()}"]
        try:
            client.create_user(name, password)
            sys.stdout.write(f"{name}: made\n")
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            client.update_user_password(name, password)
            sys.stdout.write(f"{name}: password set\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
