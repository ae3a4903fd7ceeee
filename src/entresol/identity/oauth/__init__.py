"""The authorization server's decisions: clients, authorization, consent, tokens (OAuth 2.1 and its extensions)."""
