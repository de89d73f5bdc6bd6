"""The page of claims: every claim with its verdict, and the published effects beside ours."""
