"""The estimate of a study's cost before it is trained, and the packing of its trials on the machine."""
