"""The contract that packages which extend ftlab test their methods with."""
