"""Benchmarks, run by hand; their tables stand in docs/performance.md."""
