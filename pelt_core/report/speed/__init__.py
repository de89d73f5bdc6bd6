"""From the results of `python -m benchmarks.NAME` to the page on speed."""
