import json

from entresol.llm.format import Options, Profile
from entresol.llm.formats.openai_embeddings import OpenAIEmbeddings
from entresol.llm.types import Usage

FORMAT = OpenAIEmbeddings()


def test_the_length_of_vectors_can_be_set_for_all_calls() -> None:
    opened = FORMAT.open(b'{"model":"e","input":[[1,2]],"encoding_format":"base64","user":"u"}')
    body = FORMAT.close(opened, "e", False, Options(dimensions=8), Profile(provider="openai"))
    assert json.loads(body) == {
        "model": "e",
        "input": [[1, 2]],
        "encoding_format": "base64",
        "user": "u",
        "dimensions": 8,
    }


def test_usage_has_only_input() -> None:
    facts = FORMAT.response_facts(
        b'{"data":[{"embedding":[1]}],"model":"e","usage":{"prompt_tokens":4,"total_tokens":4}}'
    )
    assert (facts.usage, facts.model) == (Usage(input=4), "e")
