"""This machine: its hardware, memory and software, and the part of it that a study may use."""
