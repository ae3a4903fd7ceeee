"""How people prove who they are to this gateway itself: passwords, one-time codes, sessions, one-time links."""
