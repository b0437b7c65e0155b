"""What clients of servers promise: TLS, and headers. usage: remote_cases.py VIRIDIAN_BINARY"""
import asyncio
import os
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import tls_proxy  # noqa: E402
import viridian  # noqa: E402
from viridian.errors import (AuthorizationError, FailedPreconditionError,  # noqa: E402
                             InvalidArgumentError)

BINARY = sys.argv[1]
del sys.argv[1:]
TOKEN = "chromadb.auth.token_authn.TokenAuthClientProvider"
BASIC = "chromadb.auth.basic_authn.BasicAuthClientProvider"


def trusting(certificate, **more):
    return viridian.Settings(chroma_server_ssl_verify=str(certificate), **more)


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not tls_proxy.can_make_certificates():
            raise unittest.SkipTest("the program openssl is not installed")
        cls.directory = cls.enterClass(tempfile.TemporaryDirectory())
        cls.server = cls.enterClass(harness.running(BINARY, "--allow_reset", "true"))
        cls.certificate, cls.key = tls_proxy.make_certificate(
            cls.directory, "good", "DNS:localhost,IP:127.0.0.1")

    @classmethod
    def enterClass(cls, context):
        cls.addClassCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def proxy(self, *pair, **options):
        pair = pair or (self.certificate, self.key)
        proxy = tls_proxy.TlsProxy(self.server.port, *pair, **options)
        self.addCleanup(proxy.__exit__)
        return proxy


class Tls(Remote):
    def test_a_certificate_that_is_trusted_is_enough(self):
        proxy = self.proxy()
        for host in ("localhost", "127.0.0.1", f"https://localhost:{proxy.port}/"):
            client = viridian.HttpClient(host, proxy.port, ssl=True,
                                         settings=trusting(self.certificate))
            with client:
                collection = client.get_or_create_collection("tls", embedding_function=None)
                collection.upsert(ids=["a", "b"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
                self.assertEqual(collection.query(query_embeddings=[0.0, 2.0], n_results=1)["ids"],
                                 [["b"]])
        self.assertEqual(proxy.connections, 3)

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        proxy = self.proxy()
        with self.assertRaisesRegex(FailedPreconditionError, "nobody vouches for it"):
            viridian.HttpClient("localhost", proxy.port, ssl=True)
        other, _ = tls_proxy.make_certificate(self.directory, "other", "DNS:localhost")
        with self.assertRaisesRegex(FailedPreconditionError, "certificate of localhost:"):
            viridian.HttpClient("localhost", proxy.port, ssl=True, settings=trusting(other))
        self.assertEqual(proxy.requests, [])

    def test_a_certificate_for_another_name_is_refused_unless_none_is_verified(self):
        pair = tls_proxy.make_certificate(self.directory, "elsewhere", "DNS:example.org")
        proxy = self.proxy(*pair)
        with self.assertRaisesRegex(FailedPreconditionError, "it is for another name"):
            viridian.HttpClient("localhost", proxy.port, ssl=True, settings=trusting(pair[0]))
        unverified = viridian.Settings(chroma_server_ssl_verify=False)
        with viridian.HttpClient("localhost", proxy.port, ssl=True, settings=unverified) as client:
            self.assertGreater(client.heartbeat(), 0)

    def test_the_systems_certificates_are_those_that_openssl_takes(self):
        proxy = self.proxy()
        with unittest.mock.patch.dict(os.environ, SSL_CERT_FILE=str(self.certificate)), \
                viridian.HttpClient("localhost", proxy.port, ssl=True) as client:
            self.assertGreater(client.heartbeat(), 0)

    def test_the_engines_own_settings_do_too(self):
        proxy = self.proxy()
        settings = viridian.Settings(viridian={"client.ca_file": self.certificate,
                                               "client.headers": "x-one: 1"})
        with viridian.HttpClient(f"https://localhost:{proxy.port}", headers={"x-two": "2"},
                                 settings=settings):
            self.assertIn("\r\nx-one: 1\r\nx-two: 2\r\n", proxy.requests[0])

    def test_a_server_below_a_path(self):
        proxy = self.proxy(prefix="/vectors/here")
        for end in ("", "/", "/api/v2"):
            url = f"https://localhost:{proxy.port}/vectors/here{end}"
            with viridian.HttpClient(url, settings=trusting(self.certificate)) as client:
                self.assertGreater(client.heartbeat(), 0)

    def test_for_asyncio_too(self):
        proxy = self.proxy()

        async def ask():
            async with await viridian.AsyncHttpClient("localhost", proxy.port, True, {"x-own": "3"},
                                                      trusting(self.certificate)) as client:
                return await client.heartbeat()

        self.assertGreater(asyncio.run(ask()), 0)
        self.assertIn("\r\nx-own: 3\r\n", proxy.requests[0])

    def test_a_server_without_tls_is_a_value_error(self):
        with self.assertRaisesRegex(ValueError, "does not speak TLS"):
            viridian.HttpClient("localhost", self.server.port, ssl=True)


class Headers(Remote):
    def test_a_token_is_sent_with_every_request(self):
        proxy = self.proxy(token="x-chroma-token: right")
        settings = trusting(self.certificate)
        with viridian.HttpClient("localhost", proxy.port, True, {"x-chroma-token": "right"},
                                 settings) as client:
            self.assertGreater(client.heartbeat(), 0)
        for headers in (None, {"x-chroma-token": "wrong"}):
            with self.assertRaisesRegex(AuthorizationError, "answered 401: credentials"):
                viridian.HttpClient("localhost", proxy.port, True, headers, settings)

    def test_what_chromas_settings_say(self):
        for header, given in [
                ("Authorization: Bearer abc", {"chroma_client_auth_provider": TOKEN,
                                               "chroma_client_auth_credentials": "abc"}),
                ("X-Chroma-Token: abc", {"chroma_client_auth_provider": TOKEN,
                                         "chroma_client_auth_credentials": "abc",
                                         "chroma_auth_token_transport_header": "X-Chroma-Token"}),
                ("Authorization: Basic dTpw", {"chroma_client_auth_provider": BASIC,
                                               "chroma_client_auth_credentials": "u:p"}),
                ("x-own: 1", {"chroma_server_headers": {"x-own": "1"}})]:
            with self.subTest(header=header):
                proxy = self.proxy(token=header)
                settings = trusting(self.certificate, chroma_server_host="localhost",
                                    chroma_server_http_port=proxy.port,
                                    chroma_server_ssl_enabled=True, **given)
                viridian.Client(settings).close()
                self.assertNotIn("abc", repr(settings))

    def test_what_cannot_be_a_header_is_refused(self):
        for headers in ({"a": "b\r\nc: d"}, {"a": "b\nc: d"}, {"a\nb": "c"}, {"a:b": "c"},
                        {"a b": "c"}, {"": "c"}, {"content-length": "7"}, {"a": "\x00"}):
            with self.subTest(headers=headers), self.assertRaises(InvalidArgumentError):
                viridian.HttpClient(port=self.server.port, headers=headers)
        for provider in ("nobody.knows.This", TOKEN):
            with self.assertRaises(ValueError):
                viridian.HttpClient(port=self.server.port, settings=viridian.Settings(
                    chroma_client_auth_provider=provider))

    def test_a_url_without_its_scheme_is_refused(self):
        for host in ("localhost/path", "ftp://localhost"):
            with self.assertRaises(ValueError):
                viridian.HttpClient(host)


if __name__ == "__main__":
    unittest.main()
