"""Adapters: one per model family, found by the `adapter` field of a Model spec.

To add one: write a module here with a class that has the methods of `base.Adapter` (the shared pieces
are in `fields` and `evidence`), add an instance to `ADAPTERS`, and a Model spec that names it to
`cosmos/models/`. Nothing else in the package knows model families by name.
"""

from collections.abc import Mapping
from types import MappingProxyType

from cosmos.adapters.base import Adapter
from cosmos.adapters.command import CommandAdapter
from cosmos.adapters.cosmos3 import Cosmos3Adapter
from cosmos.adapters.cosmos3_request import NIM, VLLM
from cosmos.adapters.cosmos3_server import Cosmos3ServerAdapter
from cosmos.adapters.predict25 import Predict25Adapter
from cosmos.adapters.preview import PreviewAdapter
from cosmos.adapters.transfer1 import Transfer1Adapter
from cosmos.adapters.transfer1_enhance import Transfer1EnhanceAdapter
from cosmos.adapters.transfer1_upscale import Transfer1UpscaleAdapter
from cosmos.adapters.transfer25 import Transfer25Adapter

_ALL: tuple[Adapter, ...] = (
    CommandAdapter(),
    PreviewAdapter(),
    Transfer1Adapter(),
    Transfer1EnhanceAdapter(),
    Transfer1UpscaleAdapter(),
    Transfer25Adapter(),
    Predict25Adapter(),
    Cosmos3Adapter(),
    Cosmos3ServerAdapter("cosmos3-vllm", VLLM),
    Cosmos3ServerAdapter("cosmos3-nim", NIM),
)

ADAPTERS: Mapping[str, Adapter] = MappingProxyType({adapter.name: adapter for adapter in _ALL})
"""Adapters by name. They hold no state, so one instance of each serves everybody."""
