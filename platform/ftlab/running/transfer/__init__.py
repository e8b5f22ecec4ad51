"""Judge kept backbones on images that they were not trained on."""
