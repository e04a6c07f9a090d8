"""Where webhooks may go: public addresses by https, and this machine where the setting itself says so."""

import pytest
from dropcut.core.webhook_receiver import AddressNotAllowedError, Receiver

PUBLIC = Receiver.at("https://shop.example/hook")
THIS_MACHINE = Receiver.at("http://127.0.0.1:8080/hook")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://shop.example", ("https", "shop.example", 443, "/")),
        ("https://shop.example/a/b?token=x", ("https", "shop.example", 443, "/a/b?token=x")),
        ("HTTPS://Shop.Example:8443/A", ("https", "shop.example", 8443, "/A")),
        ("https://[2606:4700::1]/", ("https", "2606:4700::1", 443, "/")),
        ("http://localhost:1234/x", ("http", "localhost", 1234, "/x")),
        ("http://[::1]/", ("http", "::1", 80, "/")),
    ],
)
def test_a_url_is_read(url: str, found: tuple[str, str, int, str]) -> None:
    receiver = Receiver.at(url)
    assert (receiver.scheme, receiver.host, receiver.port, receiver.target) == found


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        "shop.example/hook",
        "ftp://shop.example/",
        "http://shop.example/hook",
        "http://localhost.shop.example/",
        "http://169.254.169.254/latest/meta-data/",
        "https://user:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://shop.example/a b",
        "https://shop.example/\r\nx-forged: 1",
        "https://shop.example\\@127.0.0.1/",
        "https://shöp.example/",
        "https://shop..example/",
        f"https://{'a' * 64}.example/",
        "https:///hook",
        f"https://shop.example/{'a' * 1000}",
    ],
)
def test_what_is_no_url_of_a_receiver_is_refused(url: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        Receiver.at(url)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:84e5"])
def test_a_public_address_may_be_connected_to(address: str) -> None:
    PUBLIC.check_address(address)
    with pytest.raises(AddressNotAllowedError):
        THIS_MACHINE.check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # shared between carriers and their customers
        "169.254.169.254",  # a cloud's credentials
        "fd00:ec2::254",  # the same, by IPv6
        "fe80::1%eth0",
        "fec0::1",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "::ffff:169.254.169.254",  # IPv4 in IPv6
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",  # the same, by NAT64
        "64:ff9b::808:808",
        "2002:a9fe:a9fe::1",  # by 6to4
        "2001:0:a9fe:a9fe::1",  # by Teredo
        "2001:db8::1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressNotAllowedError, match="not a public address"):
        PUBLIC.check_address(address)


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.0.0.1/", "https://[::1]/", "https://127.0.0.2/"])
def test_a_url_of_this_machine_leads_to_this_machine_alone(url: str) -> None:
    receiver = Receiver.at(url)
    receiver.check_address("127.0.0.1")
    receiver.check_address("::1")
    with pytest.raises(AddressNotAllowedError, match="not an address of this machine"):
        receiver.check_address("169.254.169.254")


def test_each_receiver_has_a_fingerprint_of_its_own_without_its_token() -> None:
    urls = [
        "https://a.example/x?t=1",
        "https://a.example/x?t=2",
        "https://b.example/x?t=1",
        "https://a.example:1/x?t=1",
    ]
    fingerprints = {Receiver.at(url).fingerprint for url in urls}
    assert len(fingerprints) == len(urls)
    assert Receiver.at("https://a.example").fingerprint == Receiver.at("https://A.example:443/").fingerprint
