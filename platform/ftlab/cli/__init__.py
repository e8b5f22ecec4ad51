"""The commands of ``ftlab``, a file each."""
