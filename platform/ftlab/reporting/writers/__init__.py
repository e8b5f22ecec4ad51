"""The table as CSV, LaTeX, Markdown and HTML."""
