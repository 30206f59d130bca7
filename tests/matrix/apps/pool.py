"""`pool.py METHOD SOCKET`: four `multiprocessing` processes that verify keys; one that dies is replaced."""

import json
import multiprocessing
import multiprocessing.connection
import socket
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import engine


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(engine.verified(engine.key_of(urlsplit(self.path).query))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A Unix socket's client has no address to log."""


class Server(socketserver.UnixStreamServer):
    def __init__(self, listener: socket.socket) -> None:
        super().__init__("", Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def serve(listener: socket.socket) -> None:
    Server(listener).serve_forever()


def start(listener: socket.socket) -> multiprocessing.Process:
    process = multiprocessing.Process(target=serve, args=(listener,))
    process.start()
    return process


def main(method: str, path: str) -> None:
    multiprocessing.set_start_method(method)
    multiprocessing.set_forkserver_preload(["engine"])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(128)
        workers = [start(listener) for _ in range(4)]
        while True:
            multiprocessing.connection.wait([worker.sentinel for worker in workers])
            workers = [worker if worker.is_alive() else start(listener) for worker in workers]


if __name__ == "__main__":
    main(*sys.argv[1:])
