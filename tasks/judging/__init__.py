"""One batch of rows, judged in one pass: predicted, counted, and held against a reference. Knows neither Prefect nor the record."""
