"""How far current data, predictions and performance are from the reference."""
