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
from cosmos.adapters.preview import PreviewAdapter
from cosmos.adapters.transfer1_enhance import Transfer1EnhanceAdapter

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        adapter.name: adapter
        for adapter in (
            CommandAdapter(),
            PreviewAdapter(),
            Transfer1EnhanceAdapter(),
            Cosmos3Adapter(),
            Cosmos3ServerAdapter("cosmos3-vllm", VLLM),
            Cosmos3ServerAdapter("cosmos3-nim", NIM),
        )
    }
)
"""Adapters by name. They hold no state, so one instance of each serves everybody."""
