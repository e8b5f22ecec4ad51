"""Search for the best settings with Optuna: spaces, suggestions, the persistent study and its results."""

import optuna

# Optuna would announce every trial on stderr, which the display does already.
optuna.logging.set_verbosity(optuna.logging.WARNING)
