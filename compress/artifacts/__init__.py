"""The store of what stages made, and the SavedModels in it."""

from compress.artifacts.saved_model import load, save
from compress.artifacts.source import modules_of, source_hash
from compress.artifacts.store import Artifact, Store, content_key

__all__ = ["Artifact", "Store", "content_key", "load", "modules_of", "save", "source_hash"]
