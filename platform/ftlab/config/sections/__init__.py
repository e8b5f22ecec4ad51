"""The sections of a trial: each declares which of its settings have an effect, and from which epoch on."""
