"""kazoo's locks, for others to use: <connect string> <session timeout>. Answers requests as LockPeer.java does."""

import json
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.lock import Lock


class CuratorLock(Lock):
    """kazoo's lock with the names of Curator's."""

    _NODE_NAME = "-lock-"
    _EXCLUDE_NAMES = ["-lock-"]


KINDS = {
    "mutex": CuratorLock,
    "kazoo": lambda client, path, who: Lock(client, path, who, extra_lock_patterns=["-lock-"]),
}

client = KazooClient(hosts=sys.argv[1], timeout=int(sys.argv[2]) / 1000)
client.start(timeout=10)
locks = {}
speaking = threading.Lock()


def say(message):
    with speaking:
        print(json.dumps(message), flush=True)


def contend(lock, request):
    rounds = 0
    end = time.time() + request["forMs"] / 1000
    while time.time() < end:
        with lock:
            client.delete(client.create(request["mark"], ephemeral=True, sequence=True))
        rounds += 1
    return rounds


def perform(request):
    key = (request["thread"], request["kind"], request["path"])
    if key not in locks:
        locks[key] = KINDS[request["kind"]](client, request["path"], request["thread"])
    lock = locks[key]
    if request["do"] == "acquire":
        return lock.acquire(timeout=request["timeoutMs"] / 1000)
    if request["do"] == "release":
        return lock.release()
    if request["do"] == "participants":
        return lock.contenders()
    return contend(lock, request)


def answer(request):
    try:
        say({"id": request["id"], "value": perform(request)})
    except Exception as error:
        say({"id": request["id"], "error": repr(error)})


say({"event": "ready", "sessionId": str(client.client_id[0])})
for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
client.stop()
