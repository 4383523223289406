"""The example systems, started as a person would start them and asked for what their requirements name."""
