from entresol.llm.format import NO_OPTIONS, Profile
from entresol.llm.formats.openai_images import OpenAIImages

FORMAT = OpenAIImages()


def test_nothing_is_asked_for_but_the_model() -> None:
    opened = FORMAT.open(b'{"prompt": "a cat", "model": "alias", "stream": true, "partial_images": 2}')
    body = FORMAT.close(opened, "gpt-image-2", True, NO_OPTIONS, Profile(provider="openai"))
    assert body == b'{"prompt":"a cat","model":"gpt-image-2","stream":true,"partial_images":2}'
