"""What training and evaluation sets share, what they repeat, and what always giving the commonest answer scores."""
