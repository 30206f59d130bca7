"""Limits: as text, as a mapping with milliseconds or a timedelta, and as a `Limit`."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
from gatekeeper import BadRequestError, GatekeeperCore, Limit, init_key_manager

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "limit",
    [
        "2/minute",
        {"maxReq": 2, "duration": 60_000},
        {"maxReq": 2, "duration": MINUTE},
        Limit("2/minute"),
        Limit(2, MINUTE),
        Limit(max_req=2, duration=MINUTE),
    ],
    ids=repr,
)
def test_every_form_of_a_limit_counts_alike(limit: Any) -> None:
    keys = init_key_manager(
        url="memory:",
        clock="manual",
        endpoints={"GET": {"default": limit}, "PUT": {"default": "1/day", "roles": {"PRO": limit}}},
    )
    api_key = keys.create_user_api_key("user", ["PRO"])["apiKey"]
    for endpoint in ("GET", "PUT"):
        results = [keys.verify_user_api_key(api_key, endpoint) for _ in range(3)]
        assert [res.ok for res in results] == [True, True, False]
        assert (results[0].total, results[0].window_ms) == (2, 60_000)
    keys.advance(60_000)
    assert keys.verify_user_api_key(api_key, "GET").ok


def test_the_endpoints_of_a_core_take_every_form_too() -> None:
    core = GatekeeperCore("memory:", operator=True, endpoints={"GET": {"default": Limit("1/minute")}})
    tenant = core.tenants.create("Acme").id
    key = core.keys.create(tenant).plain_text_key
    assert [core.keys.verify(key, "GET", tenants=[tenant]).ok for _ in range(2)] == [True, False]


def test_a_limit_is_frozen_equal_hashable_and_pickles() -> None:
    limit = Limit("100/15 minutes")
    assert (limit.max_req, limit.duration) == (100, timedelta(minutes=15))
    assert repr(limit) == "Limit(max_req=100, duration=datetime.timedelta(seconds=900))"
    for same in (Limit(100, timedelta(minutes=15)), pickle.loads(pickle.dumps(limit)), copy.deepcopy(limit)):
        assert same == limit
        assert hash(same) == hash(limit)
    assert limit != Limit("101/15 minutes")
    for name in ("max_req", "other"):
        with pytest.raises(AttributeError):
            setattr(limit, name, 1)


@pytest.mark.parametrize("text", ["", "10", "10/fortnight", "0/minute", "10/367 days", "\ud800", 10, None, b"1/s"])
def test_a_text_that_is_no_limit_is_rejected(text: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^limit must be a text such as .10/minute"):
        Limit(text)


@pytest.mark.parametrize("max_req", [0, -1, 2**32, 1.5, True, None, "10", 10**100])
def test_a_number_of_requests_out_of_range_is_rejected(max_req: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^maxReq must be a whole number from 1 to 4294967295"):
        Limit(max_req, MINUTE)


@pytest.mark.parametrize(
    "duration", [timedelta(0), -MINUTE, timedelta(microseconds=1_500), timedelta(days=367), timedelta.max]
)
def test_a_duration_out_of_range_is_rejected(duration: timedelta) -> None:
    with pytest.raises(BadRequestError, match=r"^duration must be a whole number of milliseconds from 1 to"):
        Limit(10, duration)
    with pytest.raises(BadRequestError, match=r"^endpoints.GET.default.duration must be a whole number from 1 to"):
        init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 10, "duration": duration}}})


@pytest.mark.parametrize("duration", [60_000, 60.0, "minute"])
def test_the_duration_of_a_limit_is_a_timedelta(duration: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^duration must be a datetime.timedelta"):
        Limit(10, duration)


def test_a_timedelta_is_a_duration_only() -> None:
    limit: Any = {"maxReq": MINUTE, "duration": 1}
    with pytest.raises(BadRequestError, match=r"^endpoints.GET.default.maxReq must be a whole number"):
        init_key_manager(url="memory:", endpoints={"GET": {"default": limit}})
