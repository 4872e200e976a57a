"""The wheel index: the ledger of what was released, and the site that is made of it."""
