"""Backbones with projection heads, and their weights under the names of other libraries."""
