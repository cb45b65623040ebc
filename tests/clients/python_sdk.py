"""A client on the Python SDK: `python python_sdk.py MODE PLAN COMMAND …`; MODE is `legacy` or `auto`."""

import json
import sys
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.clients.model import DONE


async def main() -> None:
    mode, plan, command, *arguments = sys.argv[1:]
    server: Any = stdio_client(StdioServerParameters(command=command, args=arguments))
    async with Client(server, mode=mode) as client:
        print(json.dumps([tool.name for tool in (await client.list_tools()).tools]))
        for name, given in json.loads(plan):
            print((await client.call_tool(name, given)).model_dump_json())
    print(DONE)


anyio.run(main)
