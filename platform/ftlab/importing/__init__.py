"""Records of another home's journal, checked and brought into this one."""
