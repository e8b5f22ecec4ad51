"""Folders of small whole files: on a disk, or in an object store that every node of a cluster reaches."""
