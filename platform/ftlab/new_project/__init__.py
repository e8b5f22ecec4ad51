"""Projects of users: a folder with experiments and a method of their own, for `ftlab init`."""
