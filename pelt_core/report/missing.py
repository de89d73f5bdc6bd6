"""What stands on a page where a number does not."""

NOT_RUN, DIVERGED = "not run yet", "diverged"
