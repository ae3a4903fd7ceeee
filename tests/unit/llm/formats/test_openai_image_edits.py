from entresol.llm.formats.openai_image_edits import OpenAIImageEdits
from entresol.llm.types import Usage


def test_what_is_made_are_images() -> None:
    body = b'{"data":[],"usage":{"input_tokens":50,"output_tokens":100}}'
    assert OpenAIImageEdits().response_facts(body).usage == Usage(input=50, output_image=100)


def test_a_stream_ends_with_the_edited_image() -> None:
    final = b'data: {"type":"image_edit.completed","b64_json":"AA==","usage":{"input_tokens":1,"output_tokens":2}}\n\n'
    facts = OpenAIImageEdits().stream_facts(final, None)
    assert (facts.is_complete, facts.usage) == (True, Usage(input=1, output_image=2))
