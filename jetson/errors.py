"""What a user can cause: one clear line and exit code 2."""


class UserError(Exception):
    """A wrong argument, a damaged bundle, a board that lacks something."""
