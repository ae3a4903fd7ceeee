"""What issuers do differently, one profile a file."""
