"""Search for the best settings with Optuna: spaces, suggestions, the persistent study and its results."""

import optuna

# It announces every trial on stderr; the display does so already.
optuna.logging.set_verbosity(optuna.logging.WARNING)
