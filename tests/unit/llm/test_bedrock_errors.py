"""Errors of Bedrock's: read from bodies and streams, written so that AWS's own client knows them."""

import pytest
from botocore.model import StructureShape
from botocore.session import Session

from entresol.llm.aws_event_stream import EventMessage, EventStreamDecoder
from entresol.llm.bedrock_errors import error_body, error_type, exception_message, read_error, read_exception
from entresol.llm.events import ErrorDetail


@pytest.mark.parametrize(
    ("status", "body", "message", "kind"),
    [
        (400, b'{"message":"no"}', "no", "ValidationException"),
        (403, b'{"Message":"denied"}', "denied", "AccessDeniedException"),
        (429, b'{"message":"slow down"}', "slow down", "ThrottlingException"),
        (400, b'{"__type":"com.amazon.coral#ServiceQuotaExceededException","message":"x"}', "x",
         "ServiceQuotaExceededException"),
        (403, b'{"__type":"UnrecognizedClientException:http://x","message":"x"}', "x", "UnrecognizedClientException"),
        (404, b'{"Output":{"__type":"a#UnknownOperationException"},"Version":"1.0"}', "the provider gave no message",
         "UnknownOperationException"),
        (500, b'{"__type":"InternalServerException"}', "the provider gave no message", "InternalServerException"),
        (424, b'{"message":"model","originalStatusCode":500}', "model", "ModelErrorException"),
    ],
)  # fmt: skip
def test_an_error_is_read(status: int, body: bytes, message: str, kind: str) -> None:
    assert read_error(status, body) == ErrorDetail(status=status, message=message, type=kind)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"error":{"message":"x"}}', b'{"message":1}', b"\xff"]
)
def test_what_is_no_error_of_awss_is_none(body: bytes) -> None:
    assert read_error(502, body) is None


def exception(kind: str, payload: bytes) -> EventMessage:
    return EventMessage({":message-type": "exception", ":exception-type": kind}, payload)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttlingException", 429),
        ("validationException", 400),
        ("modelStreamErrorException", 502),
        ("modelTimeoutException", 408),
        ("serviceUnavailableException", 503),
        ("internalServerException", 500),
        ("somethingNewException", 502),
    ],
)
def test_an_exception_in_a_stream_is_read(kind: str, status: int) -> None:
    error = read_exception(exception(kind, b'{"message":"no"}'))
    assert error == ErrorDetail(status=status, message="no", type=kind[0].upper() + kind[1:])


def test_an_exception_that_says_nothing_is_one() -> None:
    error = read_exception(exception("throttlingException", b""))
    assert error is not None
    assert error.status == 429
    assert error.message == "the provider gave no message"


def test_an_error_of_the_protocol_is_read() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "broken"}
    error = read_exception(EventMessage(headers, b""))
    assert error == ErrorDetail(status=502, message="broken", type="InternalError")


def test_an_event_is_no_error() -> None:
    assert read_exception(EventMessage({":message-type": "event", ":event-type": "x"}, b"{}")) is None
    assert read_exception(EventMessage({}, b"{}")) is None


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 424, 429, 500, 502, 503, 504, 529])
def test_awss_client_knows_every_error_that_is_written(status: int) -> None:
    model = Session().get_service_model("bedrock-runtime")
    known = {shape.name for shape in model.error_shapes}
    assert error_type(status) in known


def test_an_error_has_our_code_beside_its_type() -> None:
    error = ErrorDetail(status=429, message="slow", code="rate_limited")
    assert error_body(error, "r1") == (
        b'{"__type":"ThrottlingException","message":"slow","error_code":"rate_limited","request_id":"r1"}'
    )


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 503, 529])
def test_a_stream_ends_in_an_exception_that_both_kinds_of_streams_know(status: int) -> None:
    model = Session().get_service_model("bedrock-runtime")
    data = exception_message(ErrorDetail(status=status, message="no", code="x"), "r1")
    (message,) = EventStreamDecoder().feed(data)
    for operation, member in (("ConverseStream", "stream"), ("InvokeModelWithResponseStream", "body")):
        output = model.operation_model(operation).output_shape
        assert output is not None
        stream = output.members[member]
        assert isinstance(stream, StructureShape)
        assert message.text(":exception-type") in stream.members
    assert message.payload == b'{"message":"no","error_code":"x","request_id":"r1"}'


def test_a_kind_of_awss_own_stays() -> None:
    error = ErrorDetail(status=400, message="no", type="ServiceQuotaExceededException")
    assert b'"__type":"ServiceQuotaExceededException"' in error_body(error, "r1")
    assert b'"__type":"ValidationException"' in error_body(ErrorDetail(status=400, message="no", type="x"), "r1")
