"""The decode-once cache, and the way of its images to the device of a training."""
