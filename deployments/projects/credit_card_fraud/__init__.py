"""The tutorial project: card purchases of 2017, generated, so that the truth behind them is known."""
