"""A language model that needs no provider: for drills, load tests, and flows that must run before any key is there."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from lfx.base.models.model import LCModelComponent
from lfx.field_typing import LanguageModel
from lfx.io import FloatInput, MultilineInput


class MockChatModel(BaseChatModel):
    """Answers the same words to the same question, in every region and after every restart.

    template: the answer; ``{input}`` stands for the last message, ``{digest}`` for 12 hexadecimal digits of the
        SHA-256 of the whole conversation, by which a test tells two answers apart.
    latency_seconds: how long the whole answer takes, from 0.
    failure_rate: share of questions, 0 to 1, that end in an error. Which ones is decided by the question, not by chance,
        so that a test can be repeated.
    """

    template: str = "{input}"
    latency_seconds: float = 0.0
    failure_rate: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "mock"

    def _answer(self, messages: list[BaseMessage]) -> str:
        conversation = "\n".join(f"{message.type}: {message.text}" for message in messages)
        digest = hashlib.sha256(conversation.encode()).hexdigest()
        if int(digest[:8], 16) / 2**32 < self.failure_rate:
            msg = f"MockLLM fails this question on purpose (failure rate {self.failure_rate})"
            raise RuntimeError(msg)
        question = messages[-1].text if messages else ""
        # Not str.format: a question or a template may hold braces of its own.
        return self.template.replace("{digest}", digest[:12]).replace("{input}", question)

    def _result(self, messages: list[BaseMessage], answer: str) -> ChatResult:
        asked = sum(len(message.text.split()) for message in messages)
        said = len(answer.split())
        usage = {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer, usage_metadata=usage))])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> ChatResult:
        answer = self._answer(messages)
        time.sleep(self.latency_seconds)
        return self._result(messages, answer)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> ChatResult:
        answer = self._answer(messages)
        await asyncio.sleep(self.latency_seconds)
        return self._result(messages, answer)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        words = self._words(messages)
        for word in words:
            time.sleep(self.latency_seconds / len(words))
            if run_manager:
                run_manager.on_llm_new_token(word)
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        words = self._words(messages)
        for word in words:
            await asyncio.sleep(self.latency_seconds / len(words))
            if run_manager:
                await run_manager.on_llm_new_token(word)
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    def _words(self, messages: list[BaseMessage]) -> list[str]:
        """The answer in pieces that make it up again; one at least, since a stream without a piece is an error."""
        first, *rest = self._answer(messages).split(" ")
        return [first, *(f" {word}" for word in rest)]


class MockLLM(LCModelComponent):
    display_name = "Mock LLM"
    description = "Answers from a template, without a provider, a key or the network."
    icon = "flask-conical"
    name = "MockLLM"
    # It calls no provider, so the deployment's rules about providers have nothing to say.
    model_provider_policy_mode = "none"

    inputs = [
        *LCModelComponent.get_base_inputs(),
        MultilineInput(
            name="template",
            display_name="Answer",
            info="{input} stands for the last message, {digest} for a fingerprint of the conversation.",
            value="{input}",
        ),
        FloatInput(
            name="latency_seconds",
            display_name="Latency",
            info="Seconds that an answer takes.",
            value=0.0,
            advanced=True,
        ),
        FloatInput(
            name="failure_rate",
            display_name="Failure rate",
            info="Share of questions, from 0 to 1, that end in an error; the same question always does, or never.",
            value=0.0,
            advanced=True,
        ),
    ]

    def build_model(self) -> LanguageModel:
        if self.latency_seconds < 0:
            msg = f"Latency must not be below 0, and is {self.latency_seconds}"
            raise ValueError(msg)
        if not 0 <= self.failure_rate <= 1:
            msg = f"Failure rate must be between 0 and 1, and is {self.failure_rate}"
            raise ValueError(msg)
        return MockChatModel(
            template=self.template,
            latency_seconds=self.latency_seconds,
            failure_rate=self.failure_rate,
        )
