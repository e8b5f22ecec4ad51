"""Seeds where they matter: which cells of a table get another seed, and when none needs any."""
