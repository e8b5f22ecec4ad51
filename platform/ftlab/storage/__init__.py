"""Files that are there whole or not at all, on a disk or in an object store that every node of a cluster reaches."""
