import pytest

from lantoa_gateway.domain.browsers import device_words, has_name, origin_of, place_of

AGENTS = {
    "Mozilla/5.0 (Linux; Android 14; SM-A155F) Chrome/126.0 Mobile Safari/537.36": ("Chrome, Android"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1": (
        "Safari, iPhone"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) coc_coc_browser/124.0 Chrome/118.0 Safari/537.36": "Cốc Cốc, Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 Edg/130.0": "Edge, Windows",
    "curl/8.5.0": "",
    "": "",
}


@pytest.mark.parametrize(("agent", "words"), AGENTS.items())
def test_a_browser_is_named_as_its_owner_knows_it(agent, words):
    assert device_words(agent) == words


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("113.161.72.9", "113.161.72.0/24"),
        ("2001:ee0:4f12:9a00::1", "2001:ee0:4f12::/48"),
        ("::ffff:113.161.72.9", "113.161.72.0/24"),
        ("unix", ""),
    ],
)
def test_an_address_is_cut_to_a_neighbourhood(address, place):
    assert place_of(address) == place


def test_keys_are_for_sites_with_a_name():
    assert has_name(origin_of("https", "lantoa.vinhlong.gov.vn"))
    assert has_name(origin_of("http", "localhost:8080"))
    assert not has_name(origin_of("http", "127.0.0.1:8080"))
    assert not has_name(origin_of("http", "[::1]:8080"))
    assert origin_of("http", "evil.example/a?b") is None
    for unreadable in ("[", "]", "[::1", "[x]", "a[b]"):
        assert origin_of("http", unreadable) is None
        assert not has_name(f"http://{unreadable}")
