"""A proxy that ends TLS before a server that speaks none, and certificates for it."""
import contextlib
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading


def make_certificate(directory, name, names):
    """(certificate, key): files of a certificate that vouches for itself; `names` as OpenSSL has them."""
    certificate, key = pathlib.Path(directory, f"{name}.pem"), pathlib.Path(directory, f"{name}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=test", "-addext", f"subjectAltName={names}", "-keyout", key, "-out",
                    certificate], check=True, stderr=subprocess.DEVNULL)
    return certificate, key


def can_make_certificates():
    return shutil.which("openssl") is not None


class TlsProxy:
    """Listens on a port of its own. `token`: without this header in it a request is answered 401.

    `prefix`: the path that the server is below; what asks for others is answered 404.
    """

    def __init__(self, server_port, certificate, key, token=None, prefix=""):
        self._server_port, self._token, self._prefix = server_port, token, prefix
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.requests = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, plain):
        # A client that does not trust the certificate ends the handshake.
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as client:
            self.connections += 1
            with socket.create_connection(("127.0.0.1", self._server_port)) as server, \
                    client.makefile("rb") as requests, server.makefile("rb") as answers:
                while self._exchange(requests, answers, client, server):
                    pass

    def _exchange(self, requests, answers, client, server):
        """One request and its answer; False where there is none any more."""
        head, body = self._message(requests)
        if not head:
            return False
        self.requests.append(head.decode())
        method, path, rest = head.split(b" ", 2)
        if self._token is not None and f"\r\n{self._token}\r\n".encode() not in head:
            client.sendall(b"HTTP/1.1 401 Unauthorized\r\ncontent-type: text/html\r\n"
                           b"content-length: 2\r\n\r\nno")
            return True
        if not path.startswith(self._prefix.encode() + b"/"):
            client.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return True
        server.sendall(b" ".join([method, path[len(self._prefix):], rest]) + body)
        client.sendall(b"".join(self._message(answers)))
        return True

    @staticmethod
    def _message(stream):
        """Head and body of a message whose length is in its head."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return b"", b""
            head += line
        length = [line.partition(b":")[2] for line in head.lower().split(b"\r\n")
                  if line.startswith(b"content-length:")]
        return head, stream.read(int(length[0])) if length else b""
