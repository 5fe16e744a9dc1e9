"""Creates znodes for their creator only; says what came of it in one line of JSON. kazoo writes the empty id of CREATOR_ALL_ACL as null."""

import json
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import InvalidACLError, NoAuthError
from kazoo.security import CREATOR_ALL_ACL

creator = KazooClient(hosts=sys.argv[1])
stranger = KazooClient(hosts=sys.argv[1])
creator.start(timeout=10)
stranger.start(timeout=10)
said = {}

try:
    creator.create("/kazoo-creator", b"", acl=CREATOR_ALL_ACL)
except InvalidACLError as error:
    said["without credentials"] = type(error).__name__

creator.add_auth("digest", "ann:pw")
said["created"] = creator.create("/kazoo-creator", b"", acl=CREATOR_ALL_ACL)
acls, _ = creator.get_acls("/kazoo-creator")
said["acl"] = [[acl.perms, acl.id.scheme, acl.id.id.split(":")[0]] for acl in acls]
try:
    stranger.get("/kazoo-creator")
except NoAuthError as error:
    said["stranger"] = type(error).__name__

transaction = creator.transaction()
transaction.create("/kazoo-creator/child", b"", acl=CREATOR_ALL_ACL)
transaction.delete("/kazoo-creator/child")
transaction.delete("/kazoo-creator")
said["transaction"] = transaction.commit()

creator.stop()
stranger.stop()
print(json.dumps(said))
