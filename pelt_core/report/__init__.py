"""From the rows of the ledger to a page: results, estimates, claims, figures, tables, and the words around them."""
