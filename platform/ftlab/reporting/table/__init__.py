"""The ablation table: its rows, statistics and notes, and its printed form."""
