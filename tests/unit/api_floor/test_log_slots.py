from entresol.api_floor.log_fields import SECRET_HEADERS
from entresol.api_floor.log_request import SECRET_PARAMETERS
from entresol.api_floor.log_slots import ALWAYS_SECRET


def test_names_that_always_hold_credentials_are_lower_case_and_masked_everywhere() -> None:
    assert {name.lower() for name in ALWAYS_SECRET} == ALWAYS_SECRET
    assert {name.encode() for name in ALWAYS_SECRET} <= SECRET_HEADERS
    assert ALWAYS_SECRET <= SECRET_PARAMETERS
