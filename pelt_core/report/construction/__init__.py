"""From the records of `pelt data build` to the page on construction."""
