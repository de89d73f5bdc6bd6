"""What the pages on few-example studies share, and one module for each of them."""
