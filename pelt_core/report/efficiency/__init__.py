"""The page on efficiency: what the methods cost, what they score, and which of them pay."""
