"""Uses a server with kazoo's client and recipes; says what came of it in one line of JSON."""

import json
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError, NoNodeError
from kazoo.security import make_digest_acl

first = KazooClient(hosts=sys.argv[1])
second = KazooClient(hosts=sys.argv[1])
first.start(timeout=10)
second.start(timeout=10)
said = {"version": list(first.server_version())[:2]}

first.create("/kazoo/deep", b"data", makepath=True)
said["data"] = first.get("/kazoo/deep")[0].decode()
errors = []
for attempt in (
    lambda: first.create("/kazoo"),
    lambda: first.get("/missing"),
    lambda: first.set("/kazoo", b"", version=7),
):
    try:
        attempt()
    except (NodeExistsError, NoNodeError, BadVersionError) as error:
        errors.append(type(error).__name__)
said["errors"] = errors

changed = threading.Event()
second.DataWatch("/kazoo/watched", lambda data, stat: changed.set() if data == b"new" else None)
first.create("/kazoo/watched", b"old")
first.set("/kazoo/watched", b"new")
said["watched"] = changed.wait(10)

order = []
lock = first.Lock("/kazoo/lock", "first")
lock.acquire()
waiting = threading.Event()


def contend():
    other = second.Lock("/kazoo/lock", "second")
    waiting.set()
    with other:
        order.append("second")


thread = threading.Thread(target=contend)
thread.start()
waiting.wait()
while len(lock.contenders()) < 2:
    pass
order.append("first")
lock.release()
thread.join()
said["order"] = order

transaction = first.transaction()
transaction.create("/kazoo/t")
transaction.create("/kazoo/t")
said["transaction"] = [type(result).__name__ for result in transaction.commit()]

first.add_auth("digest", "ann:pw")
first.create("/kazoo/private", b"", acl=[make_digest_acl("ann", "pw", all=True)])
try:
    second.get("/kazoo/private")
except Exception as error:
    said["private"] = type(error).__name__

first.stop()
second.stop()
print(json.dumps(said))
