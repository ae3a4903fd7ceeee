"""How the tables came to be what they are, step by step (Alembic).

Each revision says in `phase` what it does: `expand` adds what older versions of the program do not mind, `contract`
takes away what no supported version needs any more. A release never does both to the same thing.
"""
