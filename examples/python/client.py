"""A client of a server. It reads the server's URL from GATEKEEPER_URL and a root key from GATEKEEPER_TOKEN."""

import os

from gatekeeper import ConnectionFailedError, GatekeeperCore, init_key_manager


def main() -> None:
    """Create a key, verify it at an endpoint of the server, and delete it."""
    url, root_key = os.environ["GATEKEEPER_URL"], os.environ["GATEKEEPER_TOKEN"]
    keys = init_key_manager(url=url, root_api_key=root_key, endpoints={})
    created = keys.create_user_api_key("user", owner_id="u_42")
    if created.success is not True:
        raise SystemExit(created.reason)
    print("created a key for u_42")

    with GatekeeperCore(url, token=root_key, timeout=5.0) as core:
        for number in range(1, 4):
            # The server's gatekeeper.toml defines GET_TASKS: 10 requests a minute. These cost four each.
            verdict = core.keys.verify(created.api_key, "GET_TASKS", cost=4)
            print(f"verification {number}: {verdict.code}, {verdict.remaining} left")
        if keys.delete_user_api_key(created.id).success:
            print("deleted the key")
        print(f"verification 4: {core.keys.verify(created.api_key, 'GET_TASKS').code}")


if __name__ == "__main__":
    try:
        main()
    except ConnectionFailedError as error:
        raise SystemExit(f"the server cannot be reached: {error}") from error
