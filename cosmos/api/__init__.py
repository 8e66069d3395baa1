"""CosmosAPI, the one facade, with its areas. See `facade`."""

from cosmos.api.areas import Listener
from cosmos.api.facade import CosmosAPI

__all__ = ["CosmosAPI", "Listener"]
