"""From the record of `pelt data audit` to its page."""
