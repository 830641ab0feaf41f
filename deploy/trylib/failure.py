"""The one exception that ends deploy/try with a message for people instead of a trace."""


class Failure(Exception):
    pass
