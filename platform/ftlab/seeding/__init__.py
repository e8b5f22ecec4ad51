"""Seeds where they matter: the rule that gives further seeds to cells, and that stops when none needs any."""
