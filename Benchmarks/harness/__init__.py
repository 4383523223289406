"""Runs benchmarks beside their peers in alternating rounds, and prints medians beside the goals."""
