"""The environment variables that Ray is imported with."""

# Ray reads these when it is imported: no telemetry, and none of Tune's loggers, which write a file per trial.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
# Read there too. If it is 0, Ray listens on 127.0.0.1 only, as it does on Windows and macOS unless it is 1.
LOCAL_ENVIRONMENT = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
