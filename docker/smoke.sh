#!/bin/sh
# What docker/test.sh runs inside the image: a sweep, the same again, and a server that asks for a password.
set -eu
[ "$(id -u)" != 0 ]
python /opt/ftlab/bin/healthcheck.py

cp -r "$FTLAB_EXPERIMENTS" /tmp/experiments
cat > /tmp/experiments/smoke.yaml << END
question: Does a sweep run in this image?
seeds: 2
grid: {method.key_momentum: [0.99]}
END
export FTLAB_EXPERIMENTS=/tmp/experiments
ftlab sweep smoke --set train.epochs=20
ftlab plan smoke --set train.epochs=20 | tee /tmp/plan
grep --quiet "2 reused" /tmp/plan

password="$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')"
export MLFLOW_PORT=35000 MLFLOW_ALLOWED_HOSTS=127.0.0.1:35000 MLFLOW_ARTIFACTS_DESTINATION=/tmp/artifacts MLFLOW_WORKERS=1
export MLFLOW_BACKEND_STORE_URI=sqlite:////tmp/mlflow.db MLFLOW_FLASK_SERVER_SECRET_KEY="$password"
MLFLOW_AUTH_ADMIN_USERNAME=admin MLFLOW_AUTH_ADMIN_PASSWORD="$password" serve_mlflow.sh > /tmp/mlflow.log 2>&1 &
server=$!
export HEALTH_URL=http://127.0.0.1:35000/health
seconds=0
until python /opt/ftlab/bin/healthcheck.py 2> /dev/null; do
    seconds=$((seconds + 1))
    if [ "$seconds" -ge 90 ] || ! kill -0 "$server"; then
        tail /tmp/mlflow.log
        exit 1
    fi
    sleep 1
done
export MLFLOW_TRACKING_URI=http://127.0.0.1:35000 MLFLOW_TRACKING_USERNAME=admin
if ACCOUNTS=driver MLFLOW_PASSWORD_DRIVER=wrong MLFLOW_TRACKING_PASSWORD=wrong make_accounts.py > /tmp/refusal 2>&1 || ! grep --quiet 401 /tmp/refusal; then
    tail -n 3 /tmp/refusal
    exit 1
fi
export ACCOUNTS=driver MLFLOW_PASSWORD_DRIVER="$password" MLFLOW_TRACKING_PASSWORD="$password"
make_accounts.py 2> /dev/null
kill "$server"
echo "MLflow serves, and asks for a password"
