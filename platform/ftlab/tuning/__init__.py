"""Plan, estimate and train the trials that an experiment file asks for."""
