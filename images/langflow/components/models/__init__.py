from .mock_llm import MockLLM

__all__ = ["MockLLM"]
