"""Run a scenario, or the evaluation of a store, over past periods."""
