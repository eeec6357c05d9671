"""Experiments: commands that train and measure one thing each, and write down what they found."""
