"""What the images and compose files are made of, run without a container engine: the program that
deploy/steps/build gathers, started by deploy/steps/serve over ClickHouse, three of them behind nginx
with the configuration that the compose file gives it, where nginx is installed. Without ClickHouse
they answer what they can, and a deletion that gets no answer is not sent twice.
deploy_test.py BINARY"""
import json
import os
import pathlib
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SKIPPED = 77


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, body=None, method=None, read="strong", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json", "x-viridian-read": read, **headers}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def listens(url):
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def wait_until_ready(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url + "/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def gather(binary, directory):
    subprocess.run([DEPLOY / "steps/build", directory, binary], check=True, cwd=ROOT)
    packages = (directory / "packages").read_text().split()
    assert "libc6" in packages and any(p.startswith("libcurl") for p in packages), packages
    listed = subprocess.run(["dpkg-query", "-W", *packages], capture_output=True)
    assert listed.returncode == 0, listed.stderr
    # The images are given no password on a command line: settings come from the environment.
    for file in ("docker-compose.yml", "docker-compose.three.yml"):
        assert "PASSWORD:?" in (DEPLOY / file).read_text(), file


def start_servers(directory, clickhouse, count):
    """As the compose files do. The servers and their addresses."""
    started = []
    for i in range(count):
        url = f"http://127.0.0.1:{free_port()}"
        environment = {
            "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",
            "VIRIDIAN_CLICKHOUSE_URL": clickhouse, "VIRIDIAN_NODE_ID": f"server-{i}",
            "VIRIDIAN_NODE_URL": url, "VIRIDIAN_SERVER_PORT": url.rsplit(":", 1)[1]}
        started.append((subprocess.Popen([DEPLOY / "steps/serve"], env=environment), url))
    for _, url in started:
        wait_until_ready(url)
    return started


def start_proxy(directory, urls):
    """nginx as the compose file runs it; None where it is not installed."""
    directory.mkdir()
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not nginx:
        print("nginx is not installed: the proxy was not tried", flush=True)
        return None, None
    port = free_port()
    servers = " ".join(f"server {url.removeprefix('http://')};" for url in urls)
    template = (DEPLOY / "proxy/default.conf.template").read_text()
    for name, value in (("SERVERS", servers), ("PORT", f"127.0.0.1:{port}")):
        template = template.replace("${%s}" % name, value)
    (directory / "site.conf").write_text(template)
    (directory / "nginx.conf").write_text(string.Template("""
daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1;
events {}
http {
  access_log off; client_body_temp_path $dir/body; proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi; uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
  include $dir/site.conf;
}""").substitute(dir=directory))
    process = subprocess.Popen([nginx, "-c", directory / "nginx.conf"], stderr=subprocess.DEVNULL)
    return process, f"http://127.0.0.1:{port}"


BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def status_of(url, **options):
    try:
        ask(url, **options)
        return 200
    except urllib.error.HTTPError as refused:
        return refused.code


def lose_clickhouse(url, private, store):
    """What needs ClickHouse is told so, by every server and every time; the rest is answered."""
    collection = ask(url + BASE, {"name": "kept"})["id"]
    ask(f"{url}{BASE}/{collection}/add", {"ids": ["a"], "embeddings": [[1.0]]})
    for _ in range(24):  # every server comes to have it
        assert ask(f"{url}{BASE}/{collection}/count") == 1
    subprocess.run([*private, "kill", store], check=True)
    strong = [status_of(url + BASE + "?limit=5") for _ in range(9)]
    eventual = [status_of(f"{url}{BASE}/{collection}/count", read="eventual") for _ in range(9)]
    subprocess.run([*private, "start", store], check=True)
    assert strong == [503] * 9, strong
    assert eventual == [200] * 9, eventual


def marks_of_servers_are_taken_off(url):
    """With them most would say that they are not the holder, and all that they are not meant."""
    collection = ask(url + BASE, {"name": "marked"})["id"]
    for i in range(12):
        ask(f"{url}{BASE}/{collection}/add", {"ids": [f"r{i}"], "embeddings": [[1.0]]},
            x_viridian_forwarded="1", x_viridian_server="nobody")


class Deaf:
    """Takes requests, and hangs up instead of answering them."""

    def __init__(self):
        self.requests = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            connection, _ = self.socket.accept()
            self.requests += bool(connection.recv(65536))
            connection.close()


def deletions_are_sent_once(directory):
    servers = [Deaf(), Deaf()]
    proxy, url = start_proxy(directory, [server.url for server in servers])
    try:
        while not listens(url):
            time.sleep(0.1)
        # One after the other: of two that failed, one is left out for a while.
        for method, expected in (("DELETE", 1), ("GET", 2)):
            servers[0].requests = servers[1].requests = 0
            assert status_of(url + "/x", method=method) == 502, method
            sent = servers[0].requests + servers[1].requests
            assert sent == expected, (method, sent)
            time.sleep(11)
    finally:
        proxy.terminate()
        proxy.wait(60)


def use(url, count):
    """Stores records and reads them back, each request as the proxy likes."""
    base = url + BASE
    for attempt in range(50):
        try:
            collection = ask(base, {"name": "deployed", "get_or_create": True})["id"]
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    for i in range(count):
        ask(f"{base}/{collection}/add", {"ids": [f"r{i}"], "embeddings": [[float(i), 1.0]],
                                         "documents": [f"document {i}"]})
        assert ask(f"{base}/{collection}/count") == i + 1, "a write was not there for the next read"
    found = ask(f"{base}/{collection}/query", {"query_embeddings": [[3.0, 1.0]], "n_results": 1})
    assert found["ids"] == [["r3"]], found
    ask(f"{base}/{collection}", {"new_name": "renamed"}, method="PUT")
    ask(f"{base}/renamed", method="DELETE")


def main():
    if not shutil.which("clickhouse-server", path=os.environ["PATH"] + ":/usr/sbin"):
        print("skipped: clickhouse-server is not installed")
        return SKIPPED
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-deploy-"))
    private = [str(DEPLOY / "private-clickhouse")]
    store = str(directory / "clickhouse")
    processes = []
    try:
        gather(sys.argv[1], directory / "gathered")
        subprocess.run([*private, "start", store], check=True)
        clickhouse = subprocess.run([*private, "url", store], check=True, text=True,
                                    stdout=subprocess.PIPE).stdout.strip()
        started = start_servers(directory / "gathered", clickhouse, 3)
        processes += [process for process, _ in started]
        urls = [url for _, url in started]
        use(urls[0], 8)
        proxy, proxied = start_proxy(directory / "proxy", urls)
        if proxy:
            processes.append(proxy)
            use(proxied, 24)
            marks_of_servers_are_taken_off(proxied)
            lose_clickhouse(proxied, private, store)
            deletions_are_sent_once(directory / "deaf")
        for process in reversed(processes):
            process.terminate()
        codes = [process.wait(60) for process in processes]
        assert not any(codes), codes
        print("deploy: gathered, started, used", "behind nginx" if proxy else "without a proxy")
        return 0
    finally:
        for process in reversed(processes):
            process.terminate()  # nginx ends its workers then, which a kill leaves behind
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        subprocess.run([*private, "kill", store])
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
