"""The Admin API over HTTP, on Starlette: entities that operators, teams and directories manage."""
