#!/bin/sh
# What docker/test.sh runs inside the image: a sweep, its table, and a server that asks for a password.
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
grep -q "0 to train" /tmp/plan
