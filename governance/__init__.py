"""The record: what is watched, what was measured, what was decided, and the gate that reads it."""
