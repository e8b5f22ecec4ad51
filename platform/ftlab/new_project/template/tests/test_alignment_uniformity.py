"""Alignment and uniformity keep what ftlab promises of every trial."""

from ftlab.testing.method_contract import MethodContract


class TestAlignmentUniformity(MethodContract):
    settings = {"method": {"name": "alignment_uniformity"}}
