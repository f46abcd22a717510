"""Replaces a component that calls a model in a rehearsal. Needs no provider and no key, and answers deterministically."""

import hashlib
import json
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langflow.custom import Component
from langflow.field_typing import LanguageModel
from langflow.io import Output
from langflow.schema import Data, DataFrame
from langflow.schema.message import Message


def mock_answer(conversation: list[str]) -> str:
    digest = hashlib.sha256(json.dumps(conversation).encode()).hexdigest()[:8]
    last = conversation[-1] if conversation else ""
    return f"MockLLM {digest}: {last}"


def mock_value(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """Returns a minimal value that satisfies a JSON schema."""
    if "$ref" in schema:
        return mock_value(definitions.get(schema["$ref"].split("/")[-1], {}), definitions)
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return mock_value(schema["anyOf"][0], definitions)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {name: mock_value(of, definitions) for name, of in schema.get("properties", {}).items()}
    if kind == "array":
        return [mock_value(schema.get("items", {}), definitions)]
    return {"integer": 0, "number": 0, "boolean": False, "null": None}.get(kind, "MockLLM")


class MockModel(BaseChatModel):
    """Answers with the last message and a digest of the whole conversation. Calls a forced tool with minimal arguments."""

    # No types from `typing`, because LangFlow creates the class in a namespace where pydantic cannot resolve them.
    forced: list = []

    @property
    def _llm_type(self) -> str:
        return "mock"

    def bind_tools(self, tools: Any, *, tool_choice: Any = None, **_: Any) -> "MockModel":
        offered = [convert_to_openai_tool(tool) for tool in tools]
        return self.model_copy(update={"forced": offered if tool_choice not in (None, "auto", "none", False) else []})

    def _generate(self, messages: list[Any], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        calls = []
        for tool in self.forced[:1]:
            asked = tool["function"].get("parameters", {})
            arguments = mock_value(asked, asked.get("$defs", {}))
            calls.append({"name": tool["function"]["name"], "args": arguments, "id": "call_1", "type": "tool_call"})
        text = mock_answer([f"{message.content}" for message in messages])
        message = AIMessage(content="" if calls else text, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


class MockEmbeddings(Embeddings):
    """Returns a deterministic vector for each text."""

    def embed_query(self, text: str) -> list[float]:
        return [byte / 255 - 0.5 for byte in hashlib.sha512(text.encode()).digest()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class ModelDouble(Component):
    display_name = "Model double"
    name = "ModelDouble"
    inputs = []
    outputs = []  # @@OUTPUTS@@

    def told(self) -> str:
        said = []
        for name in ["system_message", "system_prompt", "agent_description", "input_value"]:
            value = self._attributes.get(name)
            for each in value if isinstance(value, list) else [value]:
                text = getattr(each, "text", each)
                if isinstance(text, str) and text != "":
                    said.append(text)
        return mock_answer(said)

    # @@METHODS@@
