"""The store of what stages made, and the SavedModels in it."""

from compress.artifacts.saved_model import load, save
from compress.artifacts.store import Artifact, Store, content_key, source_hash

__all__ = ["Artifact", "Store", "content_key", "load", "save", "source_hash"]
