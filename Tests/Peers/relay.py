"""Takes messages out of one queue, checks what pika understood of them, and publishes that to another queue.

    relay.py URI FROM TO COUNT

The test `InteropTests.pika` sends what is expected here and looks at what comes back.
"""
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.confirm_delivery()
for _ in range(int(sys.argv[4])):
    method, properties, body = channel.basic_get(sys.argv[2], auto_ack=True)
    assert properties.headers["string"] == "gr\u00fc\u00dfe", properties.headers
    assert properties.headers["uint32"] == 4000000000 and properties.headers["int8"] == 5
    assert properties.headers["table"] == {"in": {"in": 1}} and properties.headers["null"] is None
    assert properties.content_type == "a/b" and properties.user_id == "guest" and properties.priority == 3
    channel.basic_publish("", sys.argv[3], body, properties, mandatory=True)
connection.close()
