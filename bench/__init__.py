"""Benchmarks: run side by side, printed, never asserted on time."""
