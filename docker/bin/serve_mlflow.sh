#!/bin/sh
# Serve MLflow behind its own accounts. Passwords pass through the environment and this file, never a command line.
set -eu
umask 077
export MLFLOW_AUTH_CONFIG_PATH="${MLFLOW_AUTH_CONFIG_PATH:-/tmp/basic_auth.ini}"
cat > "$MLFLOW_AUTH_CONFIG_PATH" << END
[mlflow]
default_permission = ${MLFLOW_DEFAULT_PERMISSION:-READ}
database_uri = $MLFLOW_BACKEND_STORE_URI
END
# The job runner takes three quarters of the server's memory, and nothing here uses it.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true
exec mlflow server --app-name basic-auth --serve-artifacts --artifacts-destination "$MLFLOW_ARTIFACTS_DESTINATION" \
    --host "${MLFLOW_HOST:-127.0.0.1}" --port "${MLFLOW_PORT:-5000}" --workers "${MLFLOW_WORKERS:-2}" \
    --allowed-hosts "$MLFLOW_ALLOWED_HOSTS"
