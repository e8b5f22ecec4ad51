"""The mathematics of contrastive learning with feature transformation: tensors in, tensors out."""
