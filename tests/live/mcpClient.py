"""Lists the tools of an MCP server and calls one of them, with the official Model Context Protocol library.

Usage: mcpClient.py URL KEY TOOL TEXT. Prints {"tools": [names], "answer": text}.
"""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, key: str, tool: str, text: str) -> None:
    async with streamablehttp_client(url, headers={"x-api-key": key}) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            tools = [each.name for each in (await session.list_tools()).tools]
            answer = await session.call_tool(tool, {"input_value": text})
            said = [each.text for each in answer.content if each.type == "text"]
            print(json.dumps({"tools": tools, "answer": "\n".join(said)}))


asyncio.run(main(*sys.argv[1:]))
