"""The modules of the two papers, one equation each."""
