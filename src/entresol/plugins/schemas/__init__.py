"""The plugins' configurations: one struct a file, which is the schema, the documentation and the validation.

They stand apart from the plugins because plugins are compiled and structs must not be (docs/adr/0002).
"""
