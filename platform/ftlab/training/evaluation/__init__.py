"""The probes, which judge how well the features of a frozen encoder separate classes."""
