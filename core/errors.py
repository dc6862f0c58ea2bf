"""Name the few errors that a caller is expected to react to; everything else stays a builtin."""


class AssetMissing(RuntimeError):
    """A model file is neither on this machine nor at any of its sources."""


class UnsafeImage(ValueError):
    """A file is not a picture that can be opened safely: broken, too large or no image at all."""
