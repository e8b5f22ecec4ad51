"""A whole sweep and a whole search: plan, train, record, publish."""
