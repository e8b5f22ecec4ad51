"""Tables, bundles and backbones as files that others read."""
