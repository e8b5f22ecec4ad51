#!/bin/sh
# Make docker/.env, the secrets of docker/compose.yaml: random, readable by you alone. One that exists is left alone.
#   docker/make_env.sh [FILE]
set -eu
umask 077
file=${1:-$(dirname "$0")/.env}
if [ -e "$file" ]; then
    echo "$file exists and is left as it is; a stack that ran with it knows no other passwords." >&2
    exit 0
fi

secret() { od -An -N 32 -tx1 /dev/urandom | tr -d ' \n'; }

# Files that a sweep writes for you are yours; a container never runs as root.
uid=$(id -u) gid=$(id -g)
if [ "$uid" = 0 ]; then uid=10001 gid=10001; fi

made=$(mktemp "$file.XXXXXX")
trap 'rm -f "$made"' EXIT
{
    echo "FTLAB_UID=$uid"
    echo "FTLAB_GID=$gid"
    for name in POSTGRES_PASSWORD MLFLOW_ADMIN_PASSWORD MLFLOW_DRIVER_PASSWORD MLFLOW_EXPLORER_PASSWORD MLFLOW_SECRET_KEY \
        RAY_AUTH_TOKEN EXPLORER_PASSWORD GRAFANA_PASSWORD GRAFANA_SECRET_KEY; do
        echo "$name=$(secret)"
    done
} > "$made"
# A link fails where another has made the file meanwhile; it replaces nothing.
ln "$made" "$file"
echo "$file made" >&2
