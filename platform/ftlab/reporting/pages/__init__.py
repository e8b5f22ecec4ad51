"""Figures and reports for pages: the numbers that print shows too, drawn by Plotly."""
