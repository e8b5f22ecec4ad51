"""Figures and reports for pages: the same numbers as in print, drawn by Plotly."""
