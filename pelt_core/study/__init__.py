"""Studies: which runs answer a question, how they are carried out, and where their results are kept."""
