"""GLUE with few examples: the tasks, their rows, the samples of UniPELT's protocol, and its metrics."""
