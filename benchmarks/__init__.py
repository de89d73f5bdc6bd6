"""Speed and memory against the libraries that people would use instead, measured in turns on one machine."""
