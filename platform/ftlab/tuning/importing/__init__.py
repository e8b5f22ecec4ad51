"""Records that another home's journal holds, checked and brought into this one."""
