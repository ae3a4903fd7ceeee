"""The authorization server over HTTP: endpoints for programs and pages for people, on Starlette.

What is decided is decided in `identity`; here requests are read, work is run in the store, and answers are rendered.
"""
