import time
from urllib.parse import parse_qs, urlsplit

import pytest

from lantoa_signing.documents import SigningKey, make_key_set
from lantoa_signing.media import signed_path


@pytest.fixture
def path(door):
    """A signed address of the probe's file, with whatever is to be otherwise."""

    def make(sha256=None, lives=60.0, key=None):
        return signed_path(key or door.media_key, sha256 or door.probe.sha256, "d-1", int(time.time() + lives))

    return make


async def test_a_signed_address_opens_its_file_without_a_session(door, path):
    status, body, headers = await door("GET", path())
    assert (status, body) == (200, bytes(range(256)) * 4096)
    assert headers["etag"] == f'"{door.probe.sha256}"'
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert headers["content-type"] == "application/octet-stream"


async def test_a_download_goes_on_where_it_broke_off(door, path):
    status, body, headers = await door("GET", path(), headers={"range": "bytes=1048574-"})
    assert (status, body, headers["content-range"]) == (206, b"\xfe\xff", "bytes 1048574-1048575/1048576")
    status, _, _ = await door("GET", path(), headers={"if-none-match": headers["etag"]})
    assert status == 304


async def test_forged_expired_and_borrowed_addresses_are_refused(door, path):
    good = path()
    query = {name: values[0] for name, values in parse_qs(urlsplit(good).query).items()}
    sha256 = door.probe.sha256

    def with_(**changed):
        return f"/media/{sha256}?" + "&".join(f"{name}={value}" for name, value in (query | changed).items())

    refused = [
        f"/media/{sha256}",
        path(lives=-1),
        path(key=SigningKey(b"x" * 32)),
        good.replace(sha256, "0" * 64),
        with_(e=int(query["e"]) + 1),
        with_(a="d-2"),
        with_(k="0" * 16),
        with_(s=query["s"][:-4] + "AAAA"),
        with_(s=""),
        with_(e="never"),
        with_(s="%C4%91"),
    ]
    for address in refused:
        status, problem, headers = await door("GET", address)
        assert (status, problem["code"]) == (403, "gateway.media-refused"), address
        assert "etag" not in headers
    assert (await door("GET", good))[0] == 200


async def test_a_file_that_is_not_there_is_a_404_only_for_who_may_ask(door, path):
    assert (await door("GET", path(sha256="0" * 64)))[0] == 404


async def test_a_new_key_set_counts_at_once_and_one_of_another_root_does_not(start_door, nats_server, tmp_path):
    file = tmp_path / "device_keys.json"
    file.write_text(nats_server.ring.key_set_file.read_text())
    door = await start_door(gateway_device_keys_file=file)
    new, root = SigningKey(b"n" * 32), SigningKey(nats_server.ring.root_file.read_bytes())
    address = signed_path(new, door.probe.sha256, "d-1", int(time.time() + 60))
    assert (await door("GET", address))[0] == 403
    file.write_text(make_key_set(SigningKey(b"r" * 32), [new.public]).model_dump_json())
    assert (await door("GET", address))[0] == 403
    file.write_text(make_key_set(root, [new.public]).model_dump_json())
    assert (await door("GET", address))[0] == 200
