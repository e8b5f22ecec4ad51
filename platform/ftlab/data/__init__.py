"""Images: data sets, the decode-once cache, and two random views of each image."""
