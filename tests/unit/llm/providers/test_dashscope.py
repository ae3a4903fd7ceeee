from entresol.llm.model_config import DashscopeOptions, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("dashscope")
PATH = "/compatible-mode/v1/chat/completions"


def test_there_is_a_service_in_china_and_one_elsewhere() -> None:
    china = PROVIDER.configured(ModelOptions(dashscope=DashscopeOptions(international=False)))
    assert PROVIDER.url("openai-chat", "m", False, None) == Url("https", "dashscope-intl.aliyuncs.com", 443, PATH)
    assert china.url("openai-chat", "m", False, None) == Url("https", "dashscope.aliyuncs.com", 443, PATH)
