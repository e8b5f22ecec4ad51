"""Two random views of each image, batch by batch."""
