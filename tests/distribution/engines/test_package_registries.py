"""What a build is given to reach package registries: certificates, pip's index, proxies."""

from __future__ import annotations

import configparser
import sys

import pytest

from engines.package_registries import certificates, pip_settings, proxy_arguments, write_pip_settings


def test_pips_own_certificates_come_before_those_of_others_and_of_the_system(tmp_path):
    files = [tmp_path / name for name in ("pip.pem", "ssl.pem", "system.pem")]
    for file in files:
        file.touch()
    pip, ssl, system = files
    variables = {"SSL_CERT_FILE": str(ssl), "PIP_CERT": str(pip)}
    assert certificates(variables, [str(system)]) == pip
    assert certificates({**variables, "PIP_CERT": str(tmp_path / "gone.pem")}, [str(system)]) == ssl
    assert certificates({"PIP_CERT": ""}, [str(tmp_path / "gone.pem"), str(system)]) == system
    assert certificates({}, []) is None


def test_pips_settings_about_indexes_are_handed_on_and_its_paths_are_not():
    text = write_pip_settings(
        [
            "global.cert='/etc/ssl/company.pem'",
            "global.find-links='/opt/wheels'",
            "global.index-url='https://user:word@pip.example/simple'",
            "install.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'",
            "wheel.index-url='https://other.example/simple'",
            ":env:.index-url='https://mirror.example/simple'",
        ]
    )
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert dict(parser["global"]) == {
        "index-url": "https://mirror.example/simple",
        "extra-index-url": "https://one.example/simple\nhttps://two.example/simple",
    }


def test_without_settings_about_indexes_there_is_nothing_to_hand_on():
    assert write_pip_settings([":env:.cert='/etc/ssl/company.pem'", ""]) is None


@pytest.mark.parametrize("executable", [sys.executable, "/bin/false"], ids=["with pip", "without"])
def test_pips_variables_count_whether_pip_is_there_or_not(executable, monkeypatch):
    monkeypatch.setattr("sys.executable", executable)
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert "index-url = https://mirror.example/simple" in pip_settings().splitlines()


def test_proxies_are_handed_on_by_name_so_that_no_command_line_shows_a_password():
    environment = {"https_proxy": "http://user:word@proxy.example", "HTTP_PROXY": "", "NO_PROXY": "localhost"}
    assert proxy_arguments(environment) == ["https_proxy", "NO_PROXY"]
